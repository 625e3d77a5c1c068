//! `packing-summary --pools`: a layout as NodePools, for `kubectl apply -f -`.

use serde_json::{Value, json};

use super::super::output::{complain, print};
use super::catalogue::{self, Chosen};
use super::refresh::Kept;
use super::{code, page, reckon};
use crate::cli::{LayoutName, PackingSummary};
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::asked;
use crate::model::price::Kind;
use crate::model::snapshot::Snapshot;
use crate::plan::packing::layout::Layout;
use crate::plan::packing::options::Options;
use crate::plan::packing::summary::Summary;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

/// Writes the pools.
///
/// # Errors
/// Where there is no answer, or the shards' nodes are of no pool.
pub fn write(
    snapshot: &Snapshot,
    policy: &Policy,
    arguments: &PackingSummary,
    kept: &Kept,
    layout: LayoutName,
) -> Result<ExitCode> {
    let seen = Seen::of(snapshot, policy);
    let surge = surge(arguments)?;
    let (found, wish, chosen) = reckon(&seen, arguments, kept)?;
    let told = page::page(&seen, &found, &wish, &chosen, "");
    for why in &told.obstacles {
        complain(&format!("no layout: {why}\n"));
    }
    // Whoever writes pools by a layout has to know on what it doesn't rest.
    for why in told.unread.iter().chain(&told.warnings) {
        complain(&format!("! {why}\n"));
    }
    if let Ok(options) = &found.options {
        let list = list(
            &seen,
            &found,
            named(options, layout),
            &chosen,
            wish.narrowed.kind,
            surge,
        )?;
        let text = serde_json::to_string_pretty(&list)
            .map_err(|error| Error::bug(format!("failed to write the pools as JSON: {error}")))?;
        print(&format!("{text}\n"))?;
    }
    Ok(code(&told))
}

/// The pools as a list of Kubernetes.
fn list(seen: &Seen<'_>, found: &Summary, layout: &Layout, chosen: &Chosen, kind: Kind, surge: u32) -> Result<Value> {
    if let Some(zone) = found.bound.invented.first() {
        return Err(Error::usage(format!(
            "no node and no disk is in {zone} (--zones), and a pool there would never buy anything"
        ))
        .hint("name the zones as the nodes do, in topology.kubernetes.io/zone"));
    }
    let pools = found
        .pools(seen, layout, &chosen.catalogue, kind, surge)
        .map_err(|unknown| catalogue::no_name(&unknown, " in the catalogue"))?;
    if pools.is_empty() {
        return Err(Error::usage(
            "there is no NodePool to make others like: the shards' nodes are of none that was read",
        )
        .hint(
            "pools are copied from the one that most of the shards are of, with sizes, zones and limits of their own",
        ));
    }
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": pools}))
}

fn named(options: &Options, name: LayoutName) -> &Layout {
    match name {
        LayoutName::Cheapest => &options.cheapest,
        LayoutName::Balanced => &options.balanced,
        LayoutName::MostAvailable => &options.most_available,
        LayoutName::OfOneSize => options.of_one_size.first().unwrap_or(&options.cheapest),
    }
}

/// For how many nodes more there is to be room; none is a number, too.
fn surge(arguments: &PackingSummary) -> Result<u32> {
    match arguments.surge.as_deref() {
        None | Some("0") => Ok(0),
        Some(text) => asked::count("nodes", text).map_err(|why| Error::usage(format!("--surge: {why}"))),
    }
}
