// Simulated board on standard input and output: input bytes go bit by bit over the simulated serial line into the
// design; its output is read bit by bit, as by a serial port. Waits while the line is idle; ends with its input.
//
// Usage: simulation CLOCK RX TX CLOCKS_PER_BIT    names of ports; clock cycles per bit at the host

#include "top.cc"

#include <cxxrtl/capi/cxxrtl_capi.cc>

#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>

// One frame of 8N1: start bit, eight data bits, stop bit.
constexpr int BITS = 10;

class Sender {
  public:
    explicit Sender(double clocks_per_bit) : clocks_per_bit(clocks_per_bit) {}

    bool idle() const { return bit == BITS; }

    void begin(unsigned char byte) {
        frame = 1u << 9 | byte << 1;
        bit = 0;
        clock = 0;
    }

    bool next_level() {
        if (idle()) return true;
        bool level = frame >> bit & 1;
        bit = int(++clock / clocks_per_bit);
        return level;
    }

  private:
    double clocks_per_bit;
    unsigned frame = 0;
    int bit = BITS;
    long clock = 0;
};

class Receiver {
  public:
    explicit Receiver(double clocks_per_bit) : clocks_per_bit(clocks_per_bit) {}

    bool idle() const { return bit == BITS; }

    // Takes the level of one clock cycle; returns true if a byte is complete.
    bool take(bool level, unsigned char &byte) {
        if (idle()) {
            if (level) return false;
            bit = 0;
            clock = 0;
            frame = 0;
        }
        if (clock++ < (bit + 0.5) * clocks_per_bit) return false;
        frame |= unsigned(level) << bit;
        if (++bit < BITS) return false;
        byte = frame >> 1;
        if (!(frame >> 9)) {
            fprintf(stderr, "the design sent a byte without a stop bit\n");
            exit(1);
        }
        return true;
    }

  private:
    double clocks_per_bit;
    unsigned frame = 0;
    int bit = BITS;
    long clock = 0;
};

int main(int count, char **arguments) {
    if (count != 5) return 2;
    cxxrtl_handle design = cxxrtl_create(cxxrtl_design_create());
    cxxrtl_object *clock = cxxrtl_get(design, arguments[1]);
    cxxrtl_object *rx = cxxrtl_get(design, arguments[2]);
    cxxrtl_object *tx = cxxrtl_get(design, arguments[3]);
    if (!clock || !rx || !tx) return 2;
    double clocks_per_bit = atof(arguments[4]);
    Sender sender(clocks_per_bit);
    Receiver receiver(clocks_per_bit);
    unsigned char buffer[4096], byte;
    ssize_t filled = 0, used = 0;
    long patience = long(4 * BITS * clocks_per_bit), quiet = 0;  // longer than network latency plus two characters
    for (;;) {
        if (sender.idle() && used == filled) {
            pollfd input = {STDIN_FILENO, POLLIN, 0};
            if (poll(&input, 1, quiet > patience ? -1 : 0) > 0) {
                filled = read(STDIN_FILENO, buffer, sizeof buffer);
                used = 0;
                if (filled <= 0) return 0;
            }
        }
        if (sender.idle() && used < filled) sender.begin(buffer[used++]);
        *rx->next = sender.next_level();
        *clock->next = 0;
        cxxrtl_commit(design);  // nothing depends on the falling edge
        *clock->next = 1;
        cxxrtl_step(design);
        if (receiver.take(*tx->curr, byte) && write(STDOUT_FILENO, &byte, 1) != 1) return 0;
        quiet = sender.idle() && receiver.idle() ? quiet + 1 : 0;
    }
}
