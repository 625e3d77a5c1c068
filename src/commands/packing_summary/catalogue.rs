//! The catalogue that `packing-summary` reckons with: built in or a file's, for the region that was named or that the nodes name,
//! with the user's own prices on top.

use std::path::{Path, PathBuf};

use super::refresh::Kept;
use crate::cli::Prices;
use crate::error::{Error, ErrorKind, Result};
use crate::model::catalogue::{Catalogue, Refused, Unknown};
use crate::nearest::{nearest, no_such};

/// How many names are told where none is near.
const TOLD: usize = 60;

/// A catalogue, and what has to be said of it.
pub struct Chosen {
    /// The sizes and prices.
    pub catalogue: Catalogue,
    /// The file that it was read from.
    pub file: Option<PathBuf>,
    /// The file with prices, and how many of them count here.
    pub prices: Option<(PathBuf, usize)>,
    /// How many sizes of the built-in table the refreshed prices don't have.
    pub lost: usize,
    /// Why prices are missing, a sentence each.
    pub notes: Vec<String>,
}

/// Reads it. `of_nodes`: the region that the nodes name; `kept`: prices that were asked for before.
///
/// # Errors
/// For a file that can't be read or followed, and a region that was named and isn't known.
pub fn catalogue(prices: &Prices, of_nodes: Option<&str>, kept: &Kept) -> Result<Chosen> {
    let region = prices.region.as_deref().or(of_nodes);
    let mut notes = Vec::new();
    let mut lost = 0;
    let mut catalogue = match &prices.catalog {
        Some(path) => {
            Catalogue::of_file(&text(path, "catalogue")?, region).map_err(|why| refused(why, path, "catalogue"))?
        }
        None => match (Catalogue::azure(region), prices.region.is_some()) {
            (Ok(mut found), _) => {
                match take_kept(&mut found, kept) {
                    Ok(count) => lost = count,
                    Err(why) => notes.push(why),
                }
                found
            }
            // A region that only the nodes name is no mistake of the user's: the prices of another cloud aren't built in.
            (Err(Refused::Unknown(unknown)), false) => {
                notes.push(format!(
                    "the nodes are in {}, whose prices aren't built in: give them with --catalog FILE, or with --price-file FILE \
                     for sizes of Azure",
                    unknown.wanted
                ));
                built_in(None)?
            }
            (Err(Refused::Unknown(unknown)), true) => {
                return Err(no_name(&unknown, " among the built-in prices (--region)"));
            }
            (Err(Refused::Fault(fault)), _) => return Err(Error::bug(format!("the built-in prices: {fault}"))),
        },
    };
    let is_priced = catalogue
        .sizes()
        .any(|size| catalogue.prices(&size.name).next().is_some());
    if region.is_none() && !is_priced {
        notes.push("the nodes name no region, so that no price counts: say it with --region".to_owned());
    }
    let mut taken = None;
    if let Some(path) = &prices.price_file {
        let count = catalogue
            .take_prices(&text(path, "price file")?)
            .map_err(|why| refused(why, path, "price file"))?;
        if count == 0 {
            let place = region.map_or_else(|| "without a region".to_owned(), |region| format!("for {region}"));
            notes.push(format!("{} has no price {place}", path.display()));
        }
        taken = Some((path.clone(), count));
    }
    Ok(Chosen {
        catalogue,
        file: prices.catalog.clone(),
        prices: taken,
        lost,
        notes,
    })
}

/// Puts the prices that were asked for before in place of the built-in ones, where there are some, and answers how many sizes
/// have none by that.
fn take_kept(catalogue: &mut Catalogue, kept: &Kept) -> std::result::Result<usize, String> {
    let Some((place, text)) = catalogue.region().and_then(|region| kept.prices(region)) else {
        return Ok(0);
    };
    let instead = "the built-in ones count; ask again with --refresh-prices";
    let text = text.map_err(|error| {
        format!(
            "failed to read the refreshed prices in {}: {error}: {instead}",
            place.display()
        )
    })?;
    let taken = catalogue.take_refreshed(&text);
    taken.map_err(|why| {
        format!(
            "the refreshed prices in {} can't be followed: {why}: {instead}",
            place.display()
        )
    })
}

fn built_in(region: Option<&str>) -> Result<Catalogue> {
    Catalogue::azure(region).map_err(|why| Error::bug(format!("the built-in prices: {why}")))
}

fn text(path: &Path, what: &str) -> Result<String> {
    let failed = |error: std::io::Error| {
        Error::new(
            ErrorKind::File,
            format!("failed to read the {what} {}: {error}", path.display()),
        )
        .because(error)
    };
    std::fs::read_to_string(path).map_err(failed)
}

fn refused(why: Refused, path: &Path, what: &str) -> Error {
    let place = path.display();
    match why {
        Refused::Fault(fault) => Error::new(
            ErrorKind::File,
            format!("the {what} {place} can't be followed: {fault}"),
        )
        .hint("nothing of it was used; docs/packing.md has its columns"),
        Refused::Unknown(unknown) => no_name(&unknown, &format!(" ({what} {place})")),
    }
}

/// "there is no size named …", with the nearest that there are. People leave out what all sizes of a cloud begin with, so a name
/// that ends in what was typed is near, whatever its letters' case.
pub fn no_name(unknown: &Unknown, place: &str) -> Error {
    let (kind, wanted) = (unknown.kind, unknown.wanted.as_str());
    let known: Vec<&str> = unknown.known.iter().map(String::as_str).collect();
    let typed = wanted.to_lowercase();
    let ending: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| typed.len() > 2 && name.to_lowercase().ends_with(&typed))
        .take(3)
        .collect();
    let error = || Error::usage(format!("there is no {kind} named {wanted}{place}"));
    if !ending.is_empty() {
        return error().hint(format!("did you mean {}?", ending.join(" or ")));
    }
    if known.len() <= TOLD || !nearest(wanted, &known).is_empty() {
        return no_such(kind, wanted, &known, place);
    }
    error()
        .hint(format!(
            "there are {}, such as {}; `*` stands for any letters:",
            known.len(),
            known
                .iter()
                .step_by(known.len() / 3)
                .copied()
                .take(3)
                .collect::<Vec<_>>()
                .join(", ")
        ))
        .hint("$ shardctl packing-summary -o csv --table sizes")
}
