// The network with a serial line. A request is a frame of a number and the bits of the network's input port. An answer
// is a frame of a status and, if that is OK, the number of the request and the bits of the output port. A request that
// is damaged or of the wrong length is answered by the status alone.
module network_over_uart #(
    parameter CLOCKS_PER_BIT = 16,
    parameter INPUT_BITS = 320,
    parameter OUTPUT_BITS = 150,
    parameter LATENCY = 13  // of the network [clock cycles]
) (
    input            clk,
    input            rx,
    output           tx,
    output reg [6:0] answers,  // so far
    output reg       errors    // 1 after the first error
);
    localparam INPUT_BYTES = (INPUT_BITS + 7) / 8;
    localparam OUTPUT_BYTES = (OUTPUT_BITS + 7) / 8;
    localparam [7:0] OK = 0, DAMAGED = 1, MISFIT = 2, LOST = 3;

    wire [7:0] received;
    wire received_valid, broken;
    wire [8*INPUT_BYTES+7:0] request;
    wire good, damaged, misfit;

    uart_receiver #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) receiver (
        .clk(clk), .rx(rx), .data(received), .valid(received_valid), .broken(broken)
    );
    frame_receiver #(.BYTES(INPUT_BYTES + 1)) requests (
        .clk(clk), .data(received), .valid(received_valid), .broken(broken),
        .content(request), .good(good), .damaged(damaged), .misfit(misfit)
    );

    // The pipeline takes an input every clock cycle; a shift register tracks the valid ones.
    reg [LATENCY-1:0] under_way = 0;
    reg [7:0] number;
    wire [OUTPUT_BITS-1:0] result;
    wire finished = under_way[LATENCY-1];

    design network (.clk(clk), .model_inp(request[8+:INPUT_BITS]), .model_out(result));

    always @(posedge clk) begin
        under_way <= {under_way, good};
        if (good) number <= request[7:0];
    end

    // One answer waits while another is sent.
    reg waiting = 0;
    reg [7:0] status, kept_number;
    reg [OUTPUT_BITS-1:0] kept;
    wire taken;
    wire [7:0] sent;
    wire sent_valid, sent_ready;

    initial {answers, errors} = 0;

    always @(posedge clk) begin
        if (waiting && taken) waiting <= 0;
        if (finished || damaged || misfit) begin
            waiting <= 1;
            status <= (waiting && !taken) ? LOST : damaged ? DAMAGED : misfit ? MISFIT : OK;
            answers <= answers + 1;
            if (damaged || misfit || (waiting && !taken)) errors <= 1;
        end
        if (finished) begin
            kept <= result;
            kept_number <= number;
        end
    end

    wire [8*OUTPUT_BYTES-1:0] padded = kept;
    localparam ANSWER_BYTES = OUTPUT_BYTES + 2;
    wire [$clog2(ANSWER_BYTES + 1)-1:0] length = status == OK ? ANSWER_BYTES : 1;

    frame_transmitter #(.BYTES(ANSWER_BYTES)) sender (
        .clk(clk), .content({padded, kept_number, status}), .length(length),
        .valid(waiting), .ready(taken), .data(sent), .send(sent_valid), .sent(sent_ready)
    );
    uart_transmitter #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) transmitter (
        .clk(clk), .data(sent), .valid(sent_valid), .ready(sent_ready), .tx(tx)
    );
endmodule
