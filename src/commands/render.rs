//! `shardctl render`: the workload's parameters in, its manifests out, to standard output or as files. Asks no cluster.

use std::path::Path;

use super::output::{complain, print};
use super::{Context, workload};
use crate::cli::{PhaseName, Render};
use crate::error::{Error, ErrorKind, Result};
use crate::exit_code::ExitCode;
use crate::model::report::Phase;
use crate::model::workload::Workload;
use crate::plan::manifest::kustomize::{File, files};
use crate::plan::manifest::manifests;
use crate::report::yaml;

/// The first line of every file. One that has another is somebody's own.
const HEAD: &str =
    "Written by `shardctl render`, which writes it anew: change its parameters, or patch it in an overlay of your own.";

/// Runs it.
///
/// # Errors
/// A usage error for a parameter that can't be followed; where a file can't be written.
pub fn run(context: &Context, arguments: &Render) -> Result<ExitCode> {
    let workload = workload::workload(context)?;
    let catalogue = workload::catalogue(context)?;
    let wrong = |wrong| workload::refused(&context.settings, wrong);
    let phase = arguments.phase.map(phase);
    if let Some(folder) = &arguments.out {
        let phases = phase.map_or(vec![Phase::Explore, Phase::Stable], |phase| vec![phase]);
        let files = files(&workload, &phases, &catalogue).map_err(wrong)?;
        write(folder, &files)?;
        if !context.global.quiet {
            complain(&format!("{} files written to {}\n", files.len(), folder.display()));
        }
        return Ok(ExitCode::Done);
    }
    // clap wants a phase where there is no folder.
    let phase = phase.ok_or_else(|| Error::usage("which phase? explore or stable"))?;
    let objects = manifests(&workload, phase, &catalogue).map_err(wrong)?;
    let text = yaml::stream(&[&about(&workload, phase)], &objects).map_err(broken)?;
    print(&text)?;
    Ok(ExitCode::Done)
}

/// The phase of a word on the command line.
pub fn phase(named: PhaseName) -> Phase {
    match named {
        PhaseName::Explore => Phase::Explore,
        PhaseName::Stable => Phase::Stable,
    }
}

fn about(workload: &Workload, phase: Phase) -> String {
    format!(
        "{} in the {} phase: {} shards, rendered by shardctl",
        workload.name,
        phase.word(),
        workload.shards
    )
}

fn broken(why: String) -> Error {
    Error::bug(format!("failed to write the manifests as YAML: {why}"))
}

/// Writes all files, or none where one of them is somebody's own.
fn write(folder: &Path, files: &[File]) -> Result<()> {
    let mut texts = Vec::new();
    for file in files {
        let place = folder.join(&file.path);
        let head = yaml::comments(&[HEAD]);
        let body = yaml::document(&file.content).map_err(broken)?;
        let text = head.clone() + &yaml::comments(&[&file.about]) + &body;
        match std::fs::read_to_string(&place) {
            Ok(there) if !there.starts_with(&head) => {
                return Err(Error::new(
                    ErrorKind::File,
                    format!(
                        "{} isn't written over: shardctl didn't write it; nothing was written",
                        place.display()
                    ),
                )
                .hint("move it away, or write into another folder: --out DIR"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read", &place, error)),
        }
        texts.push((place, text));
    }
    for (place, text) in texts {
        let parent = place.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| failed("make the folder", parent, error))?;
        std::fs::write(&place, text).map_err(|error| failed("write", &place, error))?;
    }
    Ok(())
}

fn failed(what: &str, place: &Path, error: std::io::Error) -> Error {
    Error::new(
        ErrorKind::File,
        format!("failed to {what} {}: {error}", place.display()),
    )
    .because(error)
}
