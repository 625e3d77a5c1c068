//! `shardctl snapshot`: what was observed, saved for later: an incident, a bug report, another machine.

use super::connection::{open, policy, wanted};
use super::output::print;
use super::progress::Spinner;
use super::{Context, snapshot_file};
use crate::cli::Snapshot;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::redact::redact;
use crate::operations::observe::observe;

/// Runs it.
///
/// # Errors
/// Where nothing could be observed, or the file can't be written.
pub async fn run(context: &Context, arguments: &Snapshot) -> Result<ExitCode> {
    let recording = match &arguments.from {
        Some(path) => snapshot_file::read(path)?.0,
        None => {
            let wanted = wanted(context, policy(context, &[])?, false)?;
            let connection = open(context).await?;
            let _spinner = Spinner::start(context, "looking at the cluster");
            observe(&connection, &wanted).await?.recording
        }
    };
    let recording = if arguments.redact {
        redact(&recording).map_err(|why| Error::bug(format!("failed to redact the snapshot: {why}")))?
    } else {
        recording
    };
    let text = snapshot_file::text(&recording)?;
    match &arguments.out {
        Some(path) => snapshot_file::write(path, &text)?,
        None => print(&text)?,
    }
    Ok(ExitCode::Done)
}
