// Serial line: 8 data bits, least significant first, no parity, one stop bit; idle is 1.

// Samples each bit in its middle. `valid` is 1 for one clock cycle when `data` is a new byte; `broken` is 1 if its stop
// bit was missing.
module uart_receiver #(
    parameter CLOCKS_PER_BIT = 16
) (
    input            clk,
    input            rx,
    output reg [7:0] data,
    output reg       valid,
    output reg       broken
);
    localparam WIDTH = $clog2(CLOCKS_PER_BIT);
    localparam LAST = CLOCKS_PER_BIT - 1;
    localparam MIDDLE = CLOCKS_PER_BIT / 2 - 1;

    reg [2:0] line = 3'b111;  // synchronizer of the pin, and the previous value
    reg [WIDTH-1:0] clocks = 0;
    reg [3:0] bits = 0;  // bits left, with the stop bit; 0 is idle
    reg starting = 0;  // until the middle of the start bit

    initial valid = 0;

    always @(posedge clk) begin
        line <= {line[1:0], rx};
        valid <= 0;
        clocks <= (clocks == LAST) ? 0 : clocks + 1;
        if (starting) begin
            if (clocks == MIDDLE) begin
                starting <= 0;
                clocks <= 0;
                bits <= line[1] ? 0 : 9;  // a glitch is not a start bit
            end
        end else if (bits == 0) begin
            if (line[2:1] == 2'b10) begin
                starting <= 1;
                clocks <= 0;
            end
        end else if (clocks == LAST) begin
            bits <= bits - 1;
            if (bits == 1) begin
                valid <= 1;
                broken <= !line[1];
            end else begin
                data <= {line[1], data[7:1]};
            end
        end
    end
endmodule

// Sends `data` when `valid` and `ready` are both 1 in a clock cycle.
module uart_transmitter #(
    parameter CLOCKS_PER_BIT = 16
) (
    input       clk,
    input [7:0] data,
    input       valid,
    output      ready,
    output      tx
);
    localparam WIDTH = $clog2(CLOCKS_PER_BIT);
    localparam LAST = CLOCKS_PER_BIT - 1;

    reg [8:0] line = 9'h1ff;
    reg [WIDTH-1:0] clocks = 0;
    reg [3:0] bits = 0;  // bits left, with the current one; 0 is idle

    assign ready = bits == 0;
    assign tx = line[0];

    always @(posedge clk) begin
        clocks <= (ready || clocks == LAST) ? 0 : clocks + 1;
        if (ready) begin
            if (valid) begin
                line <= {data, 1'b0};
                bits <= 10;
            end
        end else if (clocks == LAST) begin
            line <= {1'b1, line[8:1]};
            bits <= bits - 1;
        end
    end
endmodule
