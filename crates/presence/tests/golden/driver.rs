//! The golden account as a program of its own, to be compiled by any profile for any machine.

mod recording;

fn main() {
    print!("{}", recording::account());
}
