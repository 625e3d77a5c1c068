//! From the flags of `packing-summary` to what is asked of the packing.

use crate::cli::{ModelName, PackingSummary, Pay};
use crate::error::{Error, Result};
use crate::model::allocatable::Model;
use crate::model::asked;
use crate::model::catalogue::Catalogue;
use crate::model::money::Discount;
use crate::model::price::Kind;
use crate::nearest::no_such;
use crate::plan::packing::choice::Narrowed;
use crate::plan::packing::options::Stands;
use crate::plan::packing::summary::Wish;
use crate::plan::packing::zones::{Asked, read_zones};

/// What the flags ask for.
///
/// # Errors
/// A usage error for the first that can't be followed.
pub fn wish(arguments: &PackingSummary, catalogue: &Catalogue) -> Result<Wish> {
    let (what_if, machines, models) = (&arguments.what_if, &arguments.machines, &arguments.models);
    Ok(Wish {
        asked: Asked {
            shards: count("--shards", "shards", what_if.shards.as_deref())?,
            zones: read("--zones", what_if.zones.as_deref(), read_zones)?.unwrap_or_default(),
        },
        memory: read("--memory", what_if.memory.as_deref(), asked::memory)?,
        cpu: read("--cpu", what_if.cpu.as_deref(), asked::cpu)?,
        narrowed: Narrowed {
            sizes: named(&machines.sizes),
            exclude: named(&machines.exclude),
            archs: archs(&machines.arch, catalogue)?,
            kind: kind(arguments.prices.pay),
            discount: read("--discount", arguments.prices.discount.as_deref(), Discount::parse)?.unwrap_or_default(),
        },
        stands: Stands {
            a_node: count(
                "--max-shards-per-node",
                "shards",
                what_if.max_shards_per_node.as_deref(),
            )?,
            a_zone: count(
                "--max-shards-per-zone",
                "shards",
                what_if.max_shards_per_zone.as_deref(),
            )?,
        },
        kubelet: models.kubelet.map(model),
        forecast: models.forecast.map(model),
        max_pods: count("--max-pods", "pods", models.max_pods.as_deref())?,
    })
}

/// How machines are paid for, in the catalogue's words.
pub const fn kind(pay: Pay) -> Kind {
    match pay {
        Pay::OnDemand => Kind::OnDemand,
        Pay::Spot => Kind::Spot,
        Pay::Savings1y => Kind::Savings1y,
        Pay::Savings3y => Kind::Savings3y,
        Pay::Reserved1y => Kind::Reserved1y,
        Pay::Reserved3y => Kind::Reserved3y,
    }
}

const fn model(name: ModelName) -> Model {
    match name {
        ModelName::KarpenterAzure => Model::KarpenterAzure,
        ModelName::KarpenterAzure1919 => Model::KarpenterAzure1919,
        ModelName::KubeletAks => Model::KubeletAks,
        ModelName::KubeletAksHardened => Model::KubeletAksHardened,
        ModelName::KarpenterAws => Model::KarpenterAws,
    }
}

fn read<T>(flag: &str, text: Option<&str>, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>> {
    text.map(|text| parse(text).map_err(|why| Error::usage(format!("{flag}: {why}"))))
        .transpose()
}

fn count(flag: &str, what: &str, text: Option<&str>) -> Result<Option<u32>> {
    read(flag, text, |text| asked::count(what, text))
}

/// Names without the blanks of `a, b`.
fn named(words: &[String]) -> Vec<String> {
    let words = words.iter().map(|word| word.trim());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn archs(words: &[String], catalogue: &Catalogue) -> Result<Vec<String>> {
    let mut known: Vec<&str> = catalogue.sizes().map(|size| size.arch.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    let asked = named(words);
    match asked.iter().find(|word| !known.contains(&word.as_str())) {
        Some(wrong) => Err(no_such("architecture", wrong, &known, " in the catalogue (--arch)")),
        None => Ok(asked),
    }
}
