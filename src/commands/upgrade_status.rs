//! `shardctl upgrade status`: how far an upgrade is, who is at it, how to go on and back.

use std::time::Duration;

use super::again;
use super::connection::{open, policy};
use super::output::print;
use super::progress::Spinner;
use super::{Context, snapshot_file};
use crate::cli::{Source, StatusOutput, UpgradeStatus};
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::progress::Conclusion;
use crate::operations::observe::{Wanted, observe};
use crate::plan::upgrade::status::status;
use crate::plan::verify::seen::Seen;
use crate::report::{json, upgrade_status};

/// Runs it.
///
/// # Errors
/// Where nothing could be judged: usage, an unreachable cluster, a file that isn't a snapshot.
pub async fn run(context: &Context, arguments: &UpgradeStatus) -> Result<ExitCode> {
    let policy = policy(context, &[])?;
    let snapshot = match arguments.from.as_ref().and_then(Source::file) {
        Some(path) => snapshot_file::read_meant(context, path)?.1,
        None => {
            let connection = open(context).await?;
            let wanted = Wanted {
                statefulset: context.settings.word("statefulset").map(str::to_owned),
                dns: None,
                dns_timeout: Duration::ZERO,
                domain: None,
                logs: false,
                probe_protection: false,
                room: false,
                usage: false,
                policy: policy.clone(),
            };
            let _spinner = Spinner::start(context, "looking at the cluster");
            observe(&connection, &wanted).await?.snapshot
        }
    };
    let seen = Seen::of(&snapshot, &policy);
    let progress = status(&seen, &again::of_status(context));
    print(&match arguments.output {
        StatusOutput::Text => upgrade_status::render(&progress, context.stdout()),
        StatusOutput::Json => json::document("UpgradeStatus", &progress)
            .map_err(|error| Error::bug(format!("failed to write the status as JSON: {error}")))?,
    })?;
    Ok(match progress.conclusion {
        Conclusion::Complete => ExitCode::Done,
        Conclusion::Unfinished | Conclusion::Stuck => ExitCode::Failed,
        Conclusion::Unknown => ExitCode::Unknown,
    })
}
