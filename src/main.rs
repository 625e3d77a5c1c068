//! Parses the command line, builds the runtime, runs, and turns the outcome into an exit code. Nothing else.

use std::panic::catch_unwind;
use std::process::ExitCode as ProcessExitCode;

use clap::Parser;

use shardctl::cli::Cli;
use shardctl::commands;
use shardctl::commands::output::complain;
use shardctl::exit_code::ExitCode;

fn main() -> ProcessExitCode {
    let cli = Cli::parse();
    let outcome = catch_unwind(
        || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let code = runtime.block_on(commands::run(cli));
                // Tasks that are still waiting for the network (a connection's keep-alive) must not hold up the end.
                runtime.shutdown_background();
                code
            }
            Err(error) => {
                complain(&format!("error: failed to start the runtime: {error}\n"));
                ExitCode::Bug
            }
        },
    );
    outcome
        .unwrap_or_else(|_| {
            complain("error: this is a bug in shardctl; please report it with the lines above and the command that you ran\n");
            ExitCode::Bug
        })
        .into()
}
