// Adders of alkaid's Verilog, built from the cells of a Xilinx slice: one LUT per bit for two terms or three.
//
// These modules replace alkaid's modules of the same names and ports. A bit of the chain adds up to three terms. One
// output of its LUT is their sum, which drives the select of the carry chain. If there are three terms, the other output
// is their majority, which is a fourth term of the next bit (Xilinx: ternary adder). Negative terms are inverted in the
// LUT; the ones that complete their two's complement enter at the start of the chain, as carry input and as majority.
// Lower bits, where only one positive term has any, are wires.

module shift_adder #(
    parameter BW_INPUT0 = 1, BW_INPUT1 = 1, SIGNED0 = 0, SIGNED1 = 0, BW_OUT = 1, DROP_LSBS = 0, SHIFT1 = 0, IS_SUB = 0
) (
    input [BW_INPUT0-1:0] in0,
    input [BW_INPUT1-1:0] in1,
    output [BW_OUT-1:0] out
);
  ternary_adder #(
      BW_INPUT0, SIGNED0, 0, SHIFT1 < 0 ? -SHIFT1 : 0,
      BW_INPUT1, SIGNED1, IS_SUB, SHIFT1 > 0 ? SHIFT1 : 0,
      1, 0, 0, BW_OUT + DROP_LSBS,
      BW_OUT, DROP_LSBS
  ) adder (in0, in1, 1'b0, out);
endmodule

module negative #(
    parameter BW_IN = 1, BW_OUT = 1, IN_SIGNED = 0
) (
    input [BW_IN-1:0] in,
    output [BW_OUT-1:0] out
);
  ternary_adder #(BW_IN, IN_SIGNED, 1, 0, 1, 0, 0, BW_OUT, 1, 0, 0, BW_OUT, BW_OUT, 0) adder (in, 1'b0, 1'b0, out);
endmodule

module ternary_adder #(
    parameter BW_INPUT0 = 1, SIGNED0 = 0, NEGATE0 = 0, PAD0 = 0,
    parameter BW_INPUT1 = 1, SIGNED1 = 0, NEGATE1 = 0, PAD1 = 0,
    parameter BW_INPUT2 = 1, SIGNED2 = 0, NEGATE2 = 0, PAD2 = 0,
    parameter BW_OUT = 1, DROP_LSBS = 0
) (
    input [BW_INPUT0-1:0] in0,
    input [BW_INPUT1-1:0] in1,
    input [BW_INPUT2-1:0] in2,
    output [BW_OUT-1:0] out
);
  // Properties of bits are computed for all bits at once: Yosys takes minutes for constant functions.
  localparam WIDTH = BW_OUT + DROP_LSBS;
  localparam NEGATIVES = NEGATE0 + NEGATE1 + NEGATE2;
  localparam [WIDTH:0] ALL = ~0;

  // Bits at which a term is not constantly zero: from its lowest bit up; to its highest if it is unsigned.
  localparam [WIDTH:0] HAS0 = NEGATE0 ? ALL : (SIGNED0 ? ALL : ~(ALL << BW_INPUT0)) << PAD0;
  localparam [WIDTH:0] HAS1 = NEGATE1 ? ALL : (SIGNED1 ? ALL : ~(ALL << BW_INPUT1)) << PAD1;
  localparam [WIDTH:0] HAS2 = NEGATE2 ? ALL : (SIGNED2 ? ALL : ~(ALL << BW_INPUT2)) << PAD2;

  // The lowest bit that more than one term has, or a negative one.
  localparam LOW01 = PAD0 < PAD1 ? PAD0 : PAD1;
  localparam HIGH01 = PAD0 < PAD1 ? PAD1 : PAD0;
  localparam SECOND = LOW01 > (HIGH01 < PAD2 ? HIGH01 : PAD2) ? LOW01 : HIGH01 < PAD2 ? HIGH01 : PAD2;
  localparam START0 = NEGATE0 && PAD0 < SECOND ? PAD0 : SECOND;
  localparam START1 = NEGATE1 && PAD1 < START0 ? PAD1 : START0;
  localparam START = NEGATE2 && PAD2 < START1 ? PAD2 : START1;
  localparam LENGTH = WIDTH > START ? WIDTH - START : 0;
  localparam CARRIES = (LENGTH + 3) / 4;

  // Whether a bit has a majority output. Three terms generate a majority and two propagate it, like a carry; two terms
  // without an incoming majority need none.
  localparam [WIDTH:0] THREE = (HAS0 & HAS1 & HAS2) >> START;
  localparam [WIDTH:0] TWO = ((HAS0 & HAS1) | (HAS0 & HAS2) | (HAS1 & HAS2)) >> START;
  localparam [WIDTH:0] COMES_IN = (THREE + TWO + (NEGATIVES > 1)) ^ THREE ^ TWO;
  localparam [WIDTH:0] PASSES_ON = THREE | (TWO & COMES_IN);

  // I5 is 1: the upper half is O6, the sum of four terms; the lower half is O5, the majority of three.
  localparam [31:0] A = 32'hAAAAAAAA ^ {32{NEGATE0 != 0}};
  localparam [31:0] B = 32'hCCCCCCCC ^ {32{NEGATE1 != 0}};
  localparam [31:0] C = 32'hF0F0F0F0 ^ {32{NEGATE2 != 0}};
  localparam [63:0] INIT = {A ^ B ^ C ^ 32'hFF00FF00, (A & B) | (A & C) | (B & C)};

  wire [WIDTH:0] x0, x1, x2;
  wire [WIDTH-1:0] sum;
  assign out = sum[WIDTH-1:DROP_LSBS];

  generate
    if (SIGNED0) assign x0 = $signed({in0, {PAD0{1'b0}}});
    else assign x0 = {in0, {PAD0{1'b0}}};
    if (SIGNED1) assign x1 = $signed({in1, {PAD1{1'b0}}});
    else assign x1 = {in1, {PAD1{1'b0}}};
    if (SIGNED2) assign x2 = $signed({in2, {PAD2{1'b0}}});
    else assign x2 = {in2, {PAD2{1'b0}}};
  endgenerate

  genvar i;
  generate
    for (i = 0; i < WIDTH - LENGTH; i = i + 1) begin : wires
      assign sum[i] = x0[i] | x1[i] | x2[i];
    end
    if (LENGTH == 1) begin : one_bit
      assign sum[START] = x0[START] ^ x1[START] ^ x2[START];
    end else if (LENGTH > 1) begin : chain
      wire [4*CARRIES-1:0] select, data, outputs, carries;
      wire [LENGTH:0] majority;
      assign majority[0] = NEGATIVES > 1;
      assign sum[WIDTH-1:START] = outputs[LENGTH-1:0];
      for (i = 0; i < 4 * CARRIES; i = i + 1) begin : bits
        if (i >= LENGTH) begin : unused
          assign select[i] = 1'b0;
          assign data[i] = 1'b0;
        end else if (i < LENGTH - 1 && PASSES_ON[i]) begin : three_terms
          LUT6_2 #(.INIT(INIT)) lut (
              .I0(x0[START+i]), .I1(x1[START+i]), .I2(x2[START+i]), .I3(majority[i]), .I4(1'b1), .I5(1'b1),
              .O6(select[i]), .O5(majority[i+1])
          );
          assign data[i] = majority[i];
        end else begin : two_terms
          assign select[i] = x0[START+i] ^ x1[START+i] ^ x2[START+i] ^ majority[i] ^ (NEGATIVES & 1);
          assign majority[i+1] = 1'b0;
          if (COMES_IN[i] || THREE[i]) assign data[i] = majority[i];
          else if (!NEGATE0 && HAS0[START+i]) assign data[i] = x0[START+i];
          else if (!NEGATE1 && HAS1[START+i]) assign data[i] = x1[START+i];
          else if (!NEGATE2 && HAS2[START+i]) assign data[i] = x2[START+i];
          else assign data[i] = 1'b0;
        end
      end
      for (i = 0; i < CARRIES; i = i + 1) begin : slices
        CARRY4 carry4 (
            .CYINIT(i == 0 && NEGATIVES > 0), .CI(i == 0 ? 1'b0 : carries[4*i-1]),
            .DI(data[4*i+3:4*i]), .S(select[4*i+3:4*i]), .O(outputs[4*i+3:4*i]), .CO(carries[4*i+3:4*i])
        );
      end
    end
  endgenerate
endmodule
