//! From flags, environment and shardctl.toml to the reference workload's parameters, and to the sizes that they are judged by.

use std::path::Path;

use super::{Context, words};
use crate::cli::WorkloadFlags;
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::model::asked;
use crate::model::catalogue::Catalogue;
use crate::model::shell::shell_word;
use crate::model::workload::{NodeClass, Probe, Workload, Wrong};
use crate::nearest::nearest;
use crate::plan::manifest::names::Names;

/// The flags as keys of the configuration.
pub fn flags(of: &WorkloadFlags) -> Vec<(&'static str, Vec<String>)> {
    let catalog = of.catalog.as_ref().map(|path| path.display());
    vec![
        ("name", words(of.name.as_ref())),
        ("shards", words(of.shards.as_ref())),
        ("memory", words(of.memory.as_ref())),
        ("cpu", words(of.cpu.as_ref())),
        ("image", words(of.image.as_ref())),
        ("port", words(of.port.as_ref())),
        ("probe", words(of.probe.as_ref())),
        ("storage-class", words(of.storage_class.as_ref())),
        ("storage", words(of.storage.as_ref())),
        ("zones", of.zones.clone()),
        ("sizes", of.sizes.clone()),
        ("size", words(of.size.as_ref())),
        ("priority", words(of.priority.as_ref())),
        ("node-class", words(of.node_class.as_ref())),
        ("catalog", words(catalog.as_ref())),
    ]
}

/// The parameters as configured; what nobody says is the reference workload's.
///
/// # Errors
/// A usage error with the parameter, where it was said and what is wrong with it; also where a set is named that isn't the workload's.
pub fn workload(context: &Context) -> Result<Workload> {
    let workload = parameters(context)?;
    match of_another_set(context, &workload) {
        None => Ok(workload),
        Some((wrong, hints)) => Err(hints.into_iter().fold(Error::usage(wrong), Error::hint)),
    }
}

/// What is wrong with the set that somebody named, where that isn't the workload's own, and what would do. What is written or deleted
/// goes by the workload's name alone.
pub fn of_another_set(context: &Context, workload: &Workload) -> Option<(String, Vec<String>)> {
    let said = context.settings.said("statefulset")?;
    let named = context.settings.word("statefulset")?;
    let own = Names::of(workload).set;
    if named == own {
        return None;
    }
    let wrong = format!(
        "statefulset/{named} ({}) isn't the set of the workload {}, which is statefulset/{own}",
        said.origin, workload.name
    );
    let hint = match named.strip_suffix("-shard").filter(|name| !name.is_empty()) {
        Some(name) => format!(
            "the workload of that set: --name {}, without --statefulset",
            shell_word(name)
        ),
        None => "workloads are named by --name: NAME has the set NAME-shard; another set can't be one".to_owned(),
    };
    Some((wrong, vec![hint]))
}

/// The parameters as configured, whichever set is named beside them.
///
/// # Errors
/// As [`workload`].
pub fn parameters(context: &Context) -> Result<Workload> {
    let settings = &context.settings;
    let mut workload = Workload::default();
    read(settings, &mut workload).map_err(|wrong| refused(settings, wrong))?;
    workload.check().map_err(|wrong| refused(settings, wrong))?;
    Ok(workload)
}

fn read(settings: &Settings, into: &mut Workload) -> Result<(), Wrong> {
    let text = |name: &str, field: &mut String| {
        if let Some(word) = settings.word(name) {
            word.clone_into(field);
        }
    };
    text("name", &mut into.name);
    into.namespace = format!("{}-shards", into.name);
    text("namespace", &mut into.namespace);
    text("memory", &mut into.memory);
    text("cpu", &mut into.cpu);
    text("image", &mut into.image);
    text("storage-class", &mut into.storage_class);
    text("storage", &mut into.storage);
    text("size", &mut into.size);
    for (name, field) in [("zones", &mut into.zones), ("sizes", &mut into.sizes)] {
        if settings.said(name).is_some() {
            *field = settings.words(name).to_vec();
        }
    }
    if let Some(word) = settings.word("shards") {
        into.shards = asked::count("shards", word).map_err(Wrong::of("shards"))?;
    }
    if let Some(word) = settings.word("port") {
        let no_port = |_| format!("`{word}` is no port: they are 1 to 65535");
        into.port = word.parse().map_err(no_port).map_err(Wrong::of("port"))?;
    }
    if let Some(word) = settings.word("priority") {
        let no_number = |_| format!("`{word}` is no whole number that Kubernetes takes");
        into.priority = word.parse().map_err(no_number).map_err(Wrong::of("priority"))?;
    }
    if let Some(word) = settings.word("probe") {
        into.probe = Probe::parse(word).map_err(Wrong::of("probe"))?;
    }
    if let Some(word) = settings.word("node-class") {
        into.node_class = Some(NodeClass::parse(word).map_err(Wrong::of("node-class"))?);
    }
    Ok(())
}

/// The sizes that there are: Azure's, or a file's.
///
/// # Errors
/// Where the file can't be read or followed.
pub fn catalogue(context: &Context) -> Result<Catalogue> {
    let Some(place) = context.settings.word("catalog") else {
        return Catalogue::azure(None).map_err(|why| Error::bug(format!("the built-in catalogue is broken: {why}")));
    };
    let text = std::fs::read_to_string(Path::new(place)).map_err(|error| {
        Error::new(
            ErrorKind::File,
            format!("failed to read the catalogue {place}: {error}"),
        )
        .because(error)
    })?;
    Catalogue::of_file(&text, None).map_err(|why| Error::usage(format!("failed to read the catalogue {place}: {why}")))
}

/// The error for a parameter that can't be followed: its name, where it was said, what is wrong, and what would do.
pub fn refused(settings: &Settings, wrong: Wrong) -> Error {
    let place = match settings.said(wrong.parameter) {
        Some(said) => said.origin.to_string(),
        None => "nobody said it: the default".to_owned(),
    };
    let error = Error::usage(format!("`{}` ({place}): {}", wrong.parameter, wrong.what));
    let known: Vec<&str> = wrong.known.iter().map(String::as_str).collect();
    let said = settings.words(wrong.parameter).iter();
    let near = said
        .filter(|word| !known.contains(&word.as_str()))
        .map(|word| nearest(word, &known))
        .find(|near| !near.is_empty());
    let error = match near {
        Some(near) => error.hint(format!("did you mean {}?", near.join(" or "))),
        None => error,
    };
    if known.is_empty() {
        error
    } else {
        error.hint("sizes of other clouds come from a file: --catalog FILE, described in docs/packing.md")
    }
}
