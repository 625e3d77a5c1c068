//! `shardctl status`: UP or DOWN in one line, from as few requests as can tell.

use super::connection::{open, policy};
use super::output::print;
use super::{Context, snapshot_file};
use crate::cli::{Source, Status, StatusOutput};
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::status::State;
use crate::operations::observe::{derive, glance};
use crate::plan::status::judge;
use crate::report::{json, status};

/// Runs it.
///
/// # Errors
/// Where nothing could be judged: usage, an unreachable cluster, a file that isn't a snapshot.
pub async fn run(context: &Context, arguments: &Status) -> Result<ExitCode> {
    let policy = policy(context, &[])?;
    let snapshot = match arguments.from.as_ref().and_then(Source::file) {
        Some(path) => snapshot_file::read_meant(context, path)?.1,
        None => {
            let connection = open(context).await?;
            derive(&glance(&connection, context.settings.word("statefulset")).await?)?
        }
    };
    let judged = judge(&snapshot, &policy);
    print(&match arguments.output {
        StatusOutput::Text => status::line(&judged, context.stdout()),
        StatusOutput::Json => json::document("Status", &judged)
            .map_err(|error| Error::bug(format!("failed to write the status as JSON: {error}")))?,
    })?;
    Ok(match judged.state {
        State::Up => ExitCode::Done,
        State::Down => ExitCode::Failed,
        State::Unknown => ExitCode::Unknown,
    })
}
