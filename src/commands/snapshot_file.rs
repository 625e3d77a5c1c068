//! Reading and writing snapshot files: a foreign, cut or newer file is refused with a sentence.

use std::path::Path;

use serde::Deserialize;

use super::{Context, whole_file};
use crate::config::Origin;
use crate::error::{Error, ErrorKind, Result};
use crate::model::recording::{KIND, Recording, Taken, VERSION};
use crate::model::shell::shell_word;
use crate::model::snapshot::Snapshot;
use crate::report::json;

#[derive(Deserialize)]
struct Head {
    kind: Option<String>,
    version: Option<u32>,
}

/// Reads a snapshot file and types it.
///
/// # Errors
/// [`ErrorKind::File`] for a file that can't be read, isn't JSON (or was cut), isn't a snapshot, or is of a newer version.
pub fn read(path: &Path) -> Result<(Recording, Snapshot)> {
    let place = path.display();
    let refused = |message: String| Error::new(ErrorKind::File, message);
    let text = std::fs::read_to_string(path)
        .map_err(|error| refused(format!("failed to read the snapshot {place}: {error}")).because(error))?;
    let head: Head = serde_json::from_str(&text).map_err(|error| {
        let error = if error.is_eof() {
            refused(format!(
                "the snapshot {place} was cut off: it ends at line {}",
                error.line()
            ))
            .because(error)
        } else {
            refused(format!("{place} isn't a snapshot: {error}")).because(error)
        };
        error
            .hint("take it again:")
            .hint(format!("$ shardctl snapshot --out {place}"))
    })?;
    if head.kind.as_deref() != Some(KIND) {
        let kind = head
            .kind
            .map_or_else(|| "nothing".to_owned(), |kind| format!("`{kind}`"));
        return Err(refused(format!(
            "{place} isn't a snapshot: it calls itself {kind}, not `{KIND}`"
        ))
        .hint("a snapshot is what this writes:")
        .hint("$ shardctl snapshot --out cluster.json"));
    }
    let version = head.version.unwrap_or(0);
    if version > VERSION {
        return Err(refused(format!(
            "the snapshot {place} is of version {version}, newer than the version {VERSION} that this shardctl reads"
        ))
        .hint("read it with the shardctl that wrote it, or a newer one"));
    }
    let recording: Recording = serde_json::from_str(&text)
        .map_err(|error| refused(format!("the snapshot {place} can't be understood: {error}")).because(error))?;
    let snapshot = Snapshot::derive(&recording)
        .map_err(|misfit| refused(format!("the snapshot {place} can't be understood: {misfit}")).because(misfit))?;
    Ok((recording, snapshot))
}

/// As [`read`], for whoever typed which set is meant: a snapshot of another one isn't judged in its place.
///
/// # Errors
/// As [`read`], and a usage error where `--namespace` or `--statefulset` name others than the snapshot is of. What the environment
/// or a file says of today's cluster doesn't count.
pub fn read_meant(context: &Context, path: &Path) -> Result<(Recording, Snapshot)> {
    let found = read(path)?;
    is_about(
        path,
        &found.0.taken,
        typed(context, "namespace"),
        typed(context, "statefulset"),
    )?;
    Ok(found)
}

/// What a flag says, where it was typed.
pub fn typed<'a>(context: &'a Context, name: &str) -> Option<&'a str> {
    let said = context.settings.said(name)?;
    let word = said.words.first()?;
    matches!(said.origin, Origin::Flag(_)).then_some(word)
}

/// Whether a snapshot is about this namespace and this set, where they are named.
///
/// # Errors
/// A usage error that names what it is about.
pub fn is_about(path: &Path, taken: &Taken, namespace: Option<&str>, statefulset: Option<&str>) -> Result<()> {
    let place = path.display();
    let flags = [("--namespace", namespace), ("--statefulset", statefulset)];
    if let (true, Some((flag, _))) = (taken.redacted, flags.iter().find(|(_, said)| said.is_some())) {
        return Err(Error::usage(format!(
            "the snapshot {place} has pseudonyms for names: which set it is of can't be compared"
        ))
        .hint(format!("leave out {flag}")));
    }
    if let (Some(wanted), Some(known)) = (statefulset, taken.statefulset.as_deref())
        && wanted != known
    {
        return Err(Error::usage(format!(
            "the snapshot {place} is about statefulset/{known}, not statefulset/{wanted}"
        ))
        .hint("leave out --statefulset, or take another snapshot:")
        .hint(format!(
            "$ shardctl --statefulset {} snapshot --out cluster.json",
            shell_word(wanted)
        )));
    }
    match namespace {
        Some(wanted) if wanted != taken.namespace => Err(Error::usage(format!(
            "the snapshot {place} is about namespace/{}, not namespace/{wanted}",
            taken.namespace
        ))
        .hint(format!(
            "name that of the snapshot: --namespace {}",
            shell_word(&taken.namespace)
        ))),
        _ => Ok(()),
    }
}

/// A recording as the text of a snapshot file.
///
/// # Errors
/// A bug: a recording is always JSON.
pub fn text(recording: &Recording) -> Result<String> {
    let mut text = serde_json::to_string_pretty(recording)
        .map_err(|error| Error::bug(format!("failed to write a snapshot as JSON: {error}")))?;
    text.push('\n');
    // The objects stand in it as the server wrote them, and a snapshot may be looked at in a terminal.
    Ok(json::escaped(&text))
}

/// Writes a snapshot file whole or not at all.
///
/// # Errors
/// [`ErrorKind::File`] with the place.
pub fn write(path: &Path, text: &str) -> Result<()> {
    write_whole(path, "the snapshot", text)
}

/// Writes a file whole or not at all. `what` it is stands in the error.
///
/// # Errors
/// [`ErrorKind::File`] with the place.
pub fn write_whole(path: &Path, what: &str, text: &str) -> Result<()> {
    whole_file::write(path, text).map_err(|error| {
        Error::new(
            ErrorKind::File,
            format!("failed to write {what} {}: {error}", path.display()),
        )
        .because(error)
    })
}
