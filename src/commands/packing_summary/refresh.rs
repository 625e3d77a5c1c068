//! `--refresh-prices`: asks the public list for a region's prices, keeps them in the cache folder, and finds them again later.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::clock::now;
use crate::cluster::connect::proxy_to;
use crate::commands::Context;
use crate::commands::output::complain;
use crate::commands::progress::Spinner;
use crate::error::{Error, ErrorKind, Result};
use crate::model::catalogue::refreshed::Refreshed;
use crate::model::catalogue::retail::{self, Reading};
use crate::model::catalogue::{Catalogue, Refused};
use crate::model::size::Size;
use crate::net::prices::{Address, Limits, ask};
use crate::report::packing::text::count;

use super::catalogue::no_name;

/// How many of what was refused are named.
const NAMED: usize = 5;

/// Asks for the prices of a region, and keeps them.
///
/// # Errors
/// Usage, where no region is named or it isn't one of Azure's; [`ErrorKind::Unreachable`] where the list can't be had whole, or
/// prices nothing; [`ErrorKind::File`] where they can't be kept. What was kept before stays then.
pub async fn refresh(context: &Context, region: Option<&str>, from: Option<&str>) -> Result<()> {
    let region = region.ok_or_else(|| {
        Error::usage("which region's prices? The nodes name none")
            .hint("$ shardctl packing-summary --refresh-prices --region eastus")
    })?;
    let address =
        Address::parse(from.unwrap_or(retail::ADDRESS)).map_err(|why| Error::usage(format!("--prices-url: {why}")))?;
    let catalogue = Catalogue::azure(Some(region)).map_err(|why| match why {
        Refused::Unknown(unknown) => no_name(&unknown, " in Azure, whose prices --refresh-prices asks for"),
        Refused::Fault(fault) => Error::bug(format!("the built-in prices: {fault}")),
    })?;
    let place = Kept::of_user().place(region).ok_or_else(|| {
        Error::new(ErrorKind::File, "there is no folder to keep prices in").hint("set HOME, or XDG_CACHE_HOME")
    })?;
    let filters = retail::filters(region, catalogue.sizes().map(|size: &Size| size.name.as_str()));
    let spinner = Spinner::start(context, &format!("asking {address} for the prices of {region}"));
    let rows = ask(&address, proxy_to(address.server())?, &filters, Limits::default()).await?;
    drop(spinner);
    let at = now();
    let reading = retail::read(&rows, &catalogue, region, at);
    if reading.prices.is_empty() {
        return Err(Error::new(
            ErrorKind::Unreachable,
            format!(
                "{address} has no price of any size in {region}: {} rows, none of use",
                rows.len()
            ),
        )
        .hint("nothing was changed: without --refresh-prices the prices that are there count"));
    }
    let refreshed = Refreshed {
        at,
        region: region.to_owned(),
        source: address.to_string(),
    };
    keep(&place, &refreshed.file(&reading))?;
    if !context.global.quiet {
        complain(&told(&reading, &refreshed, &place));
    }
    Ok(())
}

/// What came of it, for standard error.
fn told(reading: &Reading, refreshed: &Refreshed, place: &Path) -> String {
    let mut text = format!(
        "prices of {} and {} in {}, kept in {}\n",
        count(reading.sizes() as u64, "size"),
        count(reading.disks.len() as u64, "disk tier"),
        refreshed.region,
        place.display()
    );
    for why in reading.refused.iter().take(NAMED) {
        text.push_str(&format!("not taken: {why}\n"));
    }
    if let Some(more @ 1..) = reading.refused.len().checked_sub(NAMED) {
        text.push_str(&format!("… and {more} more that weren't taken\n"));
    }
    text
}

/// The folder in which prices are kept.
#[derive(Clone, Debug, Default)]
pub struct Kept(Option<PathBuf>);

impl Kept {
    /// The user's cache folder; where there is none, nothing is kept.
    pub fn of_user() -> Kept {
        let base = etcetera::choose_base_strategy().ok();
        Kept(base.map(|base| base.cache_dir().join("shardctl").join("prices")))
    }

    /// The user's; none where the command works on a cluster in this process: its prices are the same for everybody.
    pub fn of(context: &Context) -> Kept {
        match context.within {
            Some(_) => Kept(None),
            None => Kept::of_user(),
        }
    }

    /// The prices of a region that were asked for before, with their place; none where nobody asked.
    pub fn prices(&self, region: &str) -> Option<(PathBuf, std::io::Result<String>)> {
        let place = self.place(region)?;
        match std::fs::read_to_string(&place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            text => Some((place, text)),
        }
    }

    fn place(&self, region: &str) -> Option<PathBuf> {
        Some(self.0.as_ref()?.join(format!("azure-{region}.csv")))
    }
}

/// Writes it whole or not at all, also where two ask at once: beside its place under a name of its own first, then renamed.
fn keep(place: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(
            ErrorKind::File,
            format!("failed to keep the prices in {}: {error}", place.display()),
        )
        .because(error)
        .hint("name another place with XDG_CACHE_HOME")
    };
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let beside = place.with_extension(format!("{}.part", std::process::id()));
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, place));
    written.map_err(|error| {
        // What couldn't be put in its place is of no use; that it can't be removed either is the same trouble.
        let _ = std::fs::remove_file(&beside);
        failed(error)
    })
}
