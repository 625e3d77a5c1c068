//! `shardctl completions SHELL`: the script that completions/ holds, made from the command line's own description.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::output::print;
use crate::cli::Cli;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;

/// Runs it.
///
/// # Errors
/// Where standard output can't be written.
pub fn run(shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "shardctl", &mut script);
    let script = String::from_utf8(script).map_err(|error| Error::bug("failed to write completions").because(error))?;
    print(&script)?;
    Ok(ExitCode::Done)
}
