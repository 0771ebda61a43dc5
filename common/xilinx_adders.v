// Adders of alkaid's Verilog, built from the cells of a Xilinx slice: one LUT a bit for two terms, and for three.
//
// Modules of the same names and ports take the place of those that alkaid writes beside its Verilog. A bit of the chain
// adds up to three terms: one output of its LUT is their sum, which selects on the carry chain, and the other one, where
// three terms meet, is their majority, which enters the next bit as a fourth term (Xilinx: ternary adder). A negative
// term is inverted within the LUT; the ones that complete its two's complement enter where the chain starts, by the
// carry input and as majority. Bits below, where a single positive term has any, are wires.

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
  localparam WIDTH = BW_OUT + DROP_LSBS;
  localparam NEGATIVES = NEGATE0 + NEGATE1 + NEGATE2;
  localparam START = chain_start(0);
  localparam LENGTH = WIDTH > START ? WIDTH - START : 0;
  localparam CARRIES = (LENGTH + 3) / 4;
  localparam [63:0] INIT = lut_init(0);

  function integer min2(input integer a, b);
    min2 = a < b ? a : b;
  endfunction

  function integer max2(input integer a, b);
    max2 = a > b ? a : b;
  endfunction

  // The lowest bit that more than one term has, or a negative one.
  function integer chain_start(input integer unused);
    integer second;
    begin
      second = max2(min2(PAD0, PAD1), min2(max2(PAD0, PAD1), PAD2));
      if (NEGATE0) second = min2(second, PAD0);
      if (NEGATE1) second = min2(second, PAD1);
      if (NEGATE2) second = min2(second, PAD2);
      chain_start = second;
    end
  endfunction

  // Whether a term is constantly zero at a bit: below its lowest bit, or above an unsigned one.
  function integer is_zero(input integer at, width, is_signed, negate, pad);
    is_zero = !negate && (at < pad || (!is_signed && at >= pad + width));
  endfunction

  function integer zeros(input integer at);
    zeros = is_zero(at, BW_INPUT0, SIGNED0, NEGATE0, PAD0) + is_zero(at, BW_INPUT1, SIGNED1, NEGATE1, PAD1)
            + is_zero(at, BW_INPUT2, SIGNED2, NEGATE2, PAD2);
  endfunction

  // Whether a bit passes a majority on: not where two terms are left and no majority comes in, for they need none.
  function integer has_majority(input integer at);
    integer bit_;
    begin
      has_majority = NEGATIVES > 1;
      for (bit_ = START; bit_ <= at; bit_ = bit_ + 1)
        has_majority = zeros(bit_) == 0 || (zeros(bit_) == 1 && has_majority);
    end
  endfunction

  // I5 is 1, so that the upper half is O6, the sum of four terms, and the lower half O5, the majority of three.
  function [63:0] lut_init(input integer unused);
    integer address;
    reg a, b, c;
    for (address = 0; address < 32; address = address + 1) begin
      a = address[0] ^ NEGATE0;
      b = address[1] ^ NEGATE1;
      c = address[2] ^ NEGATE2;
      lut_init[address] = (a & b) | (a & c) | (b & c);
      lut_init[address + 32] = a ^ b ^ c ^ address[3];
    end
  endfunction

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
    for (i = 0; i < min2(START, WIDTH); i = i + 1) begin : wires
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
        end else if (i < LENGTH - 1 && has_majority(START + i)) begin : three_terms
          LUT6_2 #(.INIT(INIT)) lut (
              .I0(x0[START+i]), .I1(x1[START+i]), .I2(x2[START+i]), .I3(majority[i]), .I4(1'b1), .I5(1'b1),
              .O6(select[i]), .O5(majority[i+1])
          );
          assign data[i] = majority[i];
        end else begin : two_terms
          assign select[i] = x0[START+i] ^ x1[START+i] ^ x2[START+i] ^ majority[i] ^ (NEGATIVES & 1);
          assign majority[i+1] = 1'b0;
          if (has_majority(START + i - 1) || zeros(START + i) == 0) assign data[i] = majority[i];
          else if (!NEGATE0 && !is_zero(START + i, BW_INPUT0, SIGNED0, NEGATE0, PAD0)) assign data[i] = x0[START+i];
          else if (!NEGATE1 && !is_zero(START + i, BW_INPUT1, SIGNED1, NEGATE1, PAD1)) assign data[i] = x1[START+i];
          else if (!NEGATE2 && !is_zero(START + i, BW_INPUT2, SIGNED2, NEGATE2, PAD2)) assign data[i] = x2[START+i];
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
