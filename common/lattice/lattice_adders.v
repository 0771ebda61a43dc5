// Adders of the Lattice ECP5 without cells that only lead into and out of a carry chain.
//
// nextpnr puts two LUTs in front of a chain whose carry input has a driver, be it a constant. So the lowest position of a
// chain needs none: it makes the carry out of the lowest bit, whose sum is a LUT elsewhere. A constant 1 is what an input
// of a LUT has that is connected to nothing, so constant inputs are 1, and the LUT adds or subtracts by its mask.
(* techmap_celltype = "$alu" *)
module lattice_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_CI_ = 0, _TECHMAP_CONSTVAL_CI_ = 0, _TECHMAP_CONSTMSK_BI_ = 0, _TECHMAP_CONSTVAL_BI_ = 0;
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  input CI, BI;
  (* force_downto *) output [Y_WIDTH-1:0] X, Y, CO;

  // Narrow adders become LUTs, as by Yosys's own rule, which also takes what adds or subtracts by a signal.
  wire _TECHMAP_FAIL_ = Y_WIDTH <= 4 || _TECHMAP_CONSTMSK_CI_ !== 1'b1 || _TECHMAP_CONSTMSK_BI_ !== 1'b1;

  localparam INVERT = _TECHMAP_CONSTVAL_BI_ === 1'b1, CARRY = _TECHMAP_CONSTVAL_CI_ === 1'b1;
  // Of a position, by its inputs A and B: the upper four bits are the sum without the carry, the lower four the carry
  // where that is 0, which then is A. In the lowest position the carry is made of both.
  localparam [15:0] ADD = {INVERT ? 4'b1001 : 4'b0110, 8'b0, 4'b1010};
  localparam [15:0] START = {12'b0, INVERT ? (CARRY ? 4'b1011 : 4'b0010) : (CARRY ? 4'b1110 : 4'b1000)};
  localparam CELLS = (Y_WIDTH + 1) / 2;

  (* force_downto *) wire [2*CELLS-1:0] first, second, sum;
  wire [CELLS-1:0] carry;
  \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(2 * CELLS)) extend_first (.A(A), .Y(first));
  \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(2 * CELLS)) extend_second (.A(B), .Y(second));

  genvar i;
  generate
    for (i = 0; i < CELLS; i = i + 1) begin : cell
      wire lower;
      CCU2C #(.INIT0(i ? ADD : START), .INIT1(ADD), .INJECT1_0("NO"), .INJECT1_1("NO")) chain (
          .CIN(i ? carry[i-1] : 1'b0), .COUT(carry[i]),
          .A0(first[2*i]), .B0(second[2*i]), .C0(1'b1), .D0(1'b1), .S0(lower),
          .A1(first[2*i+1]), .B1(second[2*i+1]), .C1(1'b1), .D1(1'b1), .S1(sum[2*i+1])
      );
      if (i) assign sum[2*i] = lower;
    end
  endgenerate
  assign sum[0] = first[0] ^ second[0] ^ (INVERT ^ CARRY);

  (* force_downto *) wire [Y_WIDTH-1:0] added = INVERT ? ~second : second;
  assign Y = sum;
  assign X = first ^ added;
  assign CO = (first & added) | ((first | added) & ~sum);
endmodule
