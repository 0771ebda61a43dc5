// In the place of the clock generator, for the simulation: there, a clock cycle is a clock cycle.
module pll (
    input  clkin,
    output clk,
    output locked
);
    assign clk = clkin;
    assign locked = 1;
endmodule
