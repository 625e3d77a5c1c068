//! Prints the version: the commands follow the test cluster that they are proven on.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    writeln!(std::io::stdout(), "shardctl {}", env!("CARGO_PKG_VERSION"))
}
