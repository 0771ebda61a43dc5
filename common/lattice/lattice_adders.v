// Adders of the Lattice ECP5 without extra cells to enter and leave a carry chain.
//
// nextpnr spends two LUTs on a carry input that has a driver, even a constant. So the chain has no carry input: its lowest
// position generates the carry of the lowest bit, whose sum is a LUT elsewhere. Unconnected LUT inputs are 1, so constant
// inputs are 1, and the mask of the LUT decides whether it adds or subtracts.
(* techmap_celltype = "$alu" *)
module lattice_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_CI_ = 0, _TECHMAP_CONSTVAL_CI_ = 0, _TECHMAP_CONSTMSK_BI_ = 0, _TECHMAP_CONSTVAL_BI_ = 0;
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  input CI, BI;
  (* force_downto *) output [Y_WIDTH-1:0] X, Y, CO;

  // Yosys's own rule maps narrow adders to LUTs, and adders that subtract by a signal.
  wire _TECHMAP_FAIL_ = Y_WIDTH <= 4 || _TECHMAP_CONSTMSK_CI_ !== 1'b1 || _TECHMAP_CONSTMSK_BI_ !== 1'b1;

  localparam INVERT = _TECHMAP_CONSTVAL_BI_ === 1'b1, CARRY = _TECHMAP_CONSTVAL_CI_ === 1'b1;
  // LUT masks over A and B: the upper four bits are the sum without carry; the lower four are the carry, here A, where
  // that sum is 0. The lowest position generates its carry from both.
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
