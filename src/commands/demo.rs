//! `shardctl demo`: the whole job on a rehearsal cluster, no cluster needed. The commands' own code runs, in virtual time.

pub mod cluster;
pub mod from;
mod playback;
mod scenes;
mod theatre;

use tokio::sync::watch;

use self::cluster::{NAMESPACE, Standing, empty, standing};
use self::playback::Playback;
use self::scenes::{SCENES, Scene, list};
use self::theatre::Theatre;
use super::output::print;
use super::rehearsal::stage::{Stage, play};
use crate::cli::{Demo, Global, SceneName, Speed, StatusOutput};
use crate::error::{Error, ErrorKind, Result};
use crate::exit_code::ExitCode;
use crate::report::json;
use crate::report::page::Page;
use crate::report::style::{Colour, Style, Tone};

/// Runs it.
///
/// # Errors
/// A flag that has no meaning here, Ctrl-C, a bug.
pub async fn run(
    global: &Global,
    arguments: &Demo,
    colour: Colour,
    mut stop: watch::Receiver<u32>,
) -> Result<ExitCode> {
    refuse_what_leads_elsewhere(global)?;
    let style = Style::of_stdout(colour);
    if arguments.list {
        return listed(arguments.output, style);
    }
    let chosen = |scene: &&Scene| arguments.scene.is_none_or(|name| name == scene.name);
    let scenes: Vec<&Scene> = SCENES.iter().filter(chosen).collect();
    let whole = arguments.scene.is_none();
    let Standing { plane, at } = match scenes.first() {
        Some(first) if first.name == SceneName::Up => empty()?,
        _ => standing().await?,
    };
    print(&introduction(arguments.speed, whole, style))?;
    let (global, playback) = (
        global.clone(),
        Playback {
            speed: arguments.speed,
            stop: stop.clone(),
        },
    );
    let mut pressed = stop.clone();
    let script = async move |stage: &mut Stage| {
        tokio::spawn(playback.clone().hold());
        let theatre = Theatre {
            stage,
            playback,
            style,
            global,
        };
        tokio::select! {
            biased;
            _ = pressed.wait_for(|pressed| *pressed > 0) => Err(interrupted()),
            played = theatre.play(&scenes) => played,
        }
    };
    let played = tokio::task::spawn_blocking(move || play(plane, at, NAMESPACE, script));
    // What plays asks for Ctrl-C itself, and takes its view away; whoever presses twice doesn't wait for it.
    let played = tokio::select! {
        biased;
        played = played => played,
        _ = stop.wait_for(|pressed| *pressed > 1) => return Err(interrupted()),
    };
    let (played, _) = played.map_err(|error| Error::bug(format!("the demo ended: {error}")))??;
    if played? {
        print(&farewell(whole, style))?;
    }
    Ok(ExitCode::Done)
}

fn interrupted() -> Error {
    let words = "interrupted; the demo's cluster was in this process, and nothing of it is left";
    Error::new(ErrorKind::Interrupted, words)
}

/// Whoever names a cluster or a set should know that it isn't looked at.
fn refuse_what_leads_elsewhere(global: &Global) -> Result<()> {
    let given = [
        ("--kubeconfig", global.kubeconfig.is_some()),
        ("--context", global.context.is_some()),
        ("--namespace", global.namespace.is_some()),
        ("--statefulset", global.statefulset.is_some()),
        ("--as", global.as_user.is_some()),
        ("--request-timeout", global.request_timeout.is_some()),
        ("--config", global.config.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => Err(Error::usage(format!(
            "{flag} has no meaning here: the demo has a cluster of its own, and looks at no other"
        ))
        .hint("$ shardctl demo")),
    }
}

fn listed(output: StatusOutput, style: Style) -> Result<ExitCode> {
    let list = list();
    if output == StatusOutput::Json {
        let document = json::document("DemoScenes", &list)
            .map_err(|error| Error::bug(format!("failed to write the scenes as JSON: {error}")))?;
        print(&document)?;
        return Ok(ExitCode::Done);
    }
    let mut page = Page::new(style);
    for scene in &list.scenes {
        page.lead(
            &[(Tone::Command, &format!("{:<16}", scene.name))],
            Tone::Plain,
            0,
            16,
            scene.title,
        );
        for command in &scene.commands {
            page.row(&[(Tone::Faint, &format!("{:16}$ {command}", ""))]);
        }
    }
    print(&page.into_text())?;
    Ok(ExitCode::Done)
}

fn introduction(speed: Speed, whole: bool, style: Style) -> String {
    let mut page = Page::new(style);
    let fast = match speed {
        Speed::Times(times) => format!("its time goes {times} times as fast as yours"),
        Speed::Max => "its time goes as fast as it can".to_owned(),
    };
    let words = "shardctl looks after sharded systems on Kubernetes that are down when any one shard is down.";
    page.line(Tone::Heading, 0, 0, words);
    page.line(
        Tone::Plain,
        0,
        0,
        &format!(
            "Every command below is really run, on a cluster inside this process: no network, nothing installed, and {fast}."
        ),
    );
    if whole {
        page.line(
            Tone::Faint,
            0,
            0,
            "Ctrl-C ends it. One scene alone: shardctl demo SCENE; which there are: shardctl demo --list",
        );
    }
    page.into_text()
}

fn farewell(whole: bool, style: Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    if !whole {
        page.line(
            Tone::Faint,
            0,
            0,
            "That was one scene; the others: shardctl demo --list",
        );
        return page.into_text();
    }
    page.line(
        Tone::Good,
        0,
        0,
        "That was the whole job. On a cluster of yours, begin with what only reads:",
    );
    page.command(2, "$ shardctl verify -n NAMESPACE");
    page.line(Tone::Plain, 0, 0, "and have a change played on a copy of it first:");
    page.command(2, "$ shardctl upgrade -n NAMESPACE --image IMAGE --rehearse");
    page.into_text()
}
