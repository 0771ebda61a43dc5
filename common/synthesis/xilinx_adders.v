// Ports of alkaid's adders, without contents: Yosys reads the rest of the Verilog around them.
//
// The contents are cells of a Xilinx slice, which `slice_adders.py` writes straight.

(* blackbox, dynports *)
module shift_adder #(
    parameter BW_INPUT0 = 1, BW_INPUT1 = 1, SIGNED0 = 0, SIGNED1 = 0, BW_OUT = 1, DROP_LSBS = 0, SHIFT1 = 0, IS_SUB = 0
) (
    input [BW_INPUT0-1:0] in0,
    input [BW_INPUT1-1:0] in1,
    output [BW_OUT-1:0] out
);
endmodule

(* blackbox, dynports *)
module negative #(
    parameter BW_IN = 1, BW_OUT = 1, IN_SIGNED = 0
) (
    input [BW_IN-1:0] in,
    output [BW_OUT-1:0] out
);
endmodule

(* blackbox, dynports *)
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
endmodule
