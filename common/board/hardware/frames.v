// Frames on a serial line, as in HDLC (RFC 1662): a flag before and after; flags and escapes inside are escaped, so that
// a receiver that has lost a byte synchronizes at the next flag. The last two bytes are a checksum, high byte first:
// CRC-16 with polynomial x^16 + x^12 + x^5 + 1 and initial value all ones, complemented so that zeros appended to a
// frame are detected. The CRC over content and checksum is CHECKED.

`define FLAG 8'h7e
`define ESCAPE 8'h7d
`define ESCAPED 8'h20  // bit flipped in an escaped byte
`define CHECKED 16'h1d0f

// The byte is part of `crc` one clock cycle after `valid`.
module checksum (
    input             clk,
    input             clear,
    input             valid,
    input       [7:0] data,
    output reg [15:0] crc
);
    function [15:0] with_byte(input [15:0] sum, input [7:0] added);
        integer i;
        begin
            with_byte = sum ^ {added, 8'h00};
            for (i = 0; i < 8; i = i + 1)
                with_byte = with_byte[15] ? {with_byte[14:0], 1'b0} ^ 16'h1021 : {with_byte[14:0], 1'b0};
        end
    endfunction

    initial crc = 16'hffff;

    always @(posedge clk) begin
        if (clear) crc <= 16'hffff;
        else if (valid) crc <= with_byte(crc, data);
    end
endmodule

// At the end of each frame, one output is 1 for a clock cycle. `good`: `content` is the frame without its checksum, first
// byte lowest, until the next byte. `damaged`: the checksum is wrong. `misfit`: the length is wrong.
module frame_receiver #(
    parameter BYTES = 3
) (
    input                    clk,
    input              [7:0] data,
    input                    valid,
    input                    broken,
    output     [8*BYTES-1:0] content,
    output reg               good,
    output reg               damaged,
    output reg               misfit
);
    localparam WIDTH = $clog2(BYTES + 4);
    localparam LENGTH = BYTES + 2;

    reg [8*LENGTH-1:0] frame;
    reg [WIDTH-1:0] count = 0;
    reg escaped = 0, spoilt = 0;  // of the current frame
    reg flag = 0, arrived = 0, ended_spoilt = 0;  // received byte, one cycle later
    reg [7:0] unescaped;
    wire [15:0] crc;

    assign content = frame[8*BYTES-1:0];
    checksum sum (.clk(clk), .clear(flag), .valid(arrived), .data(unescaped), .crc(crc));

    initial {good, damaged, misfit} = 0;

    always @(posedge clk) begin
        flag <= valid && data == `FLAG && !broken;
        arrived <= valid && data != `FLAG && data != `ESCAPE && !broken;
        unescaped <= escaped ? data ^ `ESCAPED : data;
        if (valid) begin
            escaped <= data == `ESCAPE && !broken;
            spoilt <= broken || (spoilt && data != `FLAG);
            ended_spoilt <= spoilt || escaped;
        end
    end

    always @(posedge clk) begin
        {good, damaged, misfit} <= 0;
        if (arrived) begin
            frame <= {unescaped, frame[8*LENGTH-1:8]};
            if (count <= LENGTH) count <= count + 1;
        end
        if (flag) begin
            count <= 0;
            damaged <= ended_spoilt || (count != 0 && crc != `CHECKED);
            misfit <= !ended_spoilt && count != 0 && crc == `CHECKED && count != LENGTH;
            good <= !ended_spoilt && count == LENGTH && crc == `CHECKED;
        end
    end
endmodule

// Takes `length` bytes of `content`, lowest first, when `valid` and `ready` are both 1; sends them with flags and
// checksum.
module frame_transmitter #(
    parameter BYTES = 2
) (
    input                         clk,
    input           [8*BYTES-1:0] content,
    input [$clog2(BYTES + 1)-1:0] length,
    input                         valid,
    output                        ready,
    output                  [7:0] data,
    output                        send,
    input                         sent
);
    localparam IDLE = 0, OPEN = 1, BODY = 2, SUM_HIGH = 3, SUM_LOW = 4, CLOSE = 5;

    reg [2:0] state = IDLE;
    reg [8*BYTES-1:0] rest;
    reg [$clog2(BYTES + 1)-1:0] left;
    reg escaped = 0;
    wire [15:0] crc;

    wire [7:0] next = state == BODY ? rest[7:0] : state == SUM_HIGH ? ~crc[15:8] : ~crc[7:0];
    wire flag = state == OPEN || state == CLOSE;
    wire escape = !flag && !escaped && (next == `FLAG || next == `ESCAPE);

    assign ready = state == IDLE;
    assign send = state != IDLE;
    assign data = flag ? `FLAG : escape ? `ESCAPE : escaped ? next ^ `ESCAPED : next;
    checksum sum (
        .clk(clk), .clear(ready), .valid(send && sent && state == BODY && !escape), .data(rest[7:0]), .crc(crc)
    );

    always @(posedge clk) begin
        if (ready) begin
            if (valid) begin
                rest <= content;
                left <= length;
                state <= OPEN;
            end
        end else if (sent) begin
            escaped <= escape;
            if (!escape) begin
                if (state == BODY) begin
                    rest <= rest >> 8;
                    left <= left - 1;
                    if (left == 1) state <= SUM_HIGH;
                end else begin
                    state <= state == CLOSE ? IDLE : state + 1;
                end
            end
        end
    end
endmodule
