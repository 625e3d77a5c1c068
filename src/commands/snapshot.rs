//! `shardctl snapshot`: what was observed, saved for later: an incident, a bug report, another machine.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::connection::{open, policy, wanted};
use super::output::print;
use super::progress::Spinner;
use super::{Context, snapshot_file};
use crate::cli::{Snapshot, Source};
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::node;
use crate::model::read::Read;
use crate::model::redact::redact;
use crate::model::resource::Resource;
use crate::operations::observe::{Observed, observe};
use crate::plan::packing::present::nodes;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

/// Runs it.
///
/// # Errors
/// Where nothing could be observed, or the file can't be written.
pub async fn run(context: &Context, arguments: &Snapshot) -> Result<ExitCode> {
    let recording = match arguments.from.as_ref().and_then(Source::file) {
        Some(path) => snapshot_file::read_meant(context, path)?.0,
        None => {
            let mut wanted = wanted(context, policy(context, &[])?, false)?;
            wanted.room = true;
            wanted.usage = true;
            let connection = open(context).await?;
            let _spinner = Spinner::start(context, "looking at the cluster");
            let mut observed = observe(&connection, &wanted).await?;
            leave_out_strangers(&mut observed, &wanted.policy);
            observed.recording
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

/// What of a pod tells where it runs.
#[derive(Deserialize)]
struct Placed {
    spec: Place,
}

/// What tells whose measurement it is.
#[derive(Deserialize)]
struct Measured {
    metadata: Named,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    node_name: Option<String>,
}

/// Of the pods of all namespaces only those stay that run where the packing is looked at, and of the measurements those of such
/// nodes, so that the file follows the set, not the cluster.
fn leave_out_strangers(observed: &mut Observed, policy: &Policy) {
    let seen = Seen::of(&observed.snapshot, policy);
    // Without these nodes nothing is said of their packing.
    let nodes: BTreeSet<&str> = nodes(&seen).unwrap_or_default().into_iter().map(node::name).collect();
    if let Some(Read::Got(pods)) = observed.recording.objects.get_mut(&Resource::NodePods) {
        pods.retain(|found| {
            let placed: Option<Placed> = serde_json::from_str(found.get()).ok();
            placed
                .and_then(|placed| placed.spec.node_name)
                .is_some_and(|place| nodes.contains(place.as_str()))
        });
    }
    if let Some(Read::Got(measured)) = observed.recording.objects.get_mut(&Resource::NodeUsage) {
        measured.retain(|found| {
            let of: Option<Measured> = serde_json::from_str(found.get()).ok();
            of.and_then(|of| of.metadata.name)
                .is_some_and(|name| nodes.contains(name.as_str()))
        });
    }
}
