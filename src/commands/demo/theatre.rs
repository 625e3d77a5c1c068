//! Plays scenes on a rehearsal cluster: tells what comes, shows the command line, and runs it as anybody's would be run.

use std::time::Duration;

use clap::Parser as _;
use tokio::sync::watch;
use tokio::time::sleep;

use jiff::Timestamp;

use super::cluster::NAMESPACE;
use super::playback::Playback;
use super::scenes::{Act, Ends, SCENES, Scene, word};
use crate::cli::{Cli, Global};
use crate::commands::again::line;
use crate::commands::output::print_to_reader;
use crate::commands::rehearsal::stage::Stage;
use crate::commands::run_within;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::report::page::Page;
use crate::report::style::{Style, Tone};
use crate::sim::faults::Faults;
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::Key;
use crate::sim::transport::{Deed, Life, Witness};

/// The process that is killed, among those that ask.
const VICTIM: u32 = 1;

/// How long people take to type the next line, in the cluster's time.
const TYPING: Duration = Duration::from_secs(15);

/// How long it takes until somebody notices that a process was killed, in the cluster's time: its lock isn't renewed any more.
const NOTICING: Duration = Duration::from_secs(60);

/// Moments to read a few lines of words, and what a command said.
const WORDS: Duration = Duration::from_millis(1500);
const RESULT: Duration = Duration::from_millis(1200);

/// What there is to play on.
pub struct Theatre<'a> {
    /// The cluster, in time.
    pub stage: &'a Stage,
    /// How fast.
    pub playback: Playback,
    /// The looks of what is told.
    pub style: Style,
    /// The flags that hold for every command as well: colour, and how much is said.
    pub global: Global,
}

impl Theatre<'_> {
    /// Plays scenes, one after the other. False where nobody looks on any more.
    ///
    /// # Errors
    /// A bug: a scene goes another way than it should. Where standard output can't be written.
    pub async fn play(&self, scenes: &[&Scene]) -> Result<bool> {
        for scene in scenes {
            if !self.tells(&self.announced(scene))? {
                return Ok(false);
            }
            self.playback.rest(WORDS);
            for act in scene.acts {
                if !self.act(scene, act).await? {
                    return Ok(false);
                }
                self.playback.rest(RESULT);
            }
        }
        let strays = self.stage.cluster.with(|plane, _| plane.strays.first().cloned());
        match strays {
            Some(stray) => Err(Error::bug(format!("the demo's cluster doesn't serve {stray}"))),
            None => Ok(true),
        }
    }

    fn announced(&self, scene: &Scene) -> String {
        let place = SCENES.iter().position(|one| one.name == scene.name).unwrap_or_default() + 1;
        let mut page = Page::new(self.style);
        page.blank();
        page.heading(&format!(
            "{place} of {} · {} · {}",
            SCENES.len(),
            word(scene.name),
            scene.title
        ));
        page.line(Tone::Plain, 0, 0, scene.words);
        page.into_text()
    }

    fn tells(&self, text: &str) -> Result<bool> {
        print_to_reader(text)
    }

    async fn act(&self, scene: &Scene, act: &Act) -> Result<bool> {
        let words = act
            .line
            .iter()
            .map(|word| self.named(word))
            .collect::<Result<Vec<String>>>()?;
        let mut page = Page::new(self.style);
        page.blank();
        if !act.before.is_empty() {
            page.line(Tone::Plain, 0, 0, act.before);
            page.blank();
        }
        page.command(0, &format!("$ {}", line(words.get(1..).unwrap_or_default())));
        if !self.tells(&page.into_text())? {
            return Ok(false);
        }
        let ended = self.run(words.clone(), act.ends == Ends::Killed).await?;
        if ended != act.ends {
            let scene = word(scene.name);
            return Err(Error::bug(format!(
                "the demo's scene {scene} went another way: {} ended {ended:?}, not {:?}",
                line(words.get(1..).unwrap_or_default()),
                act.ends
            )));
        }
        match ended {
            Ends::With(ExitCode::Done) => Ok(true),
            Ends::With(code) => {
                let mut page = Page::new(self.style);
                let meaning = ExitCode::ALL.iter().find(|(known, _)| *known == code);
                let meaning = meaning.map(|(_, meaning)| *meaning).unwrap_or_default();
                page.line(Tone::Faint, 0, 2, &format!("(exit code {}: {meaning})", code as u8));
                self.tells(&page.into_text())
            }
            Ends::Killed => Ok(true),
        }
    }

    /// A word of a command line, with the cluster's own name for what it stands for.
    fn named(&self, word: &str) -> Result<String> {
        let Some(shard) = word.strip_prefix("{node of ").and_then(|rest| rest.strip_suffix('}')) else {
            return Ok(word.to_owned());
        };
        let key = Key::new(Kind::Pods, NAMESPACE, shard);
        let node = self.stage.cluster.with(|plane, _| {
            let pod = plane.store.get(&key)?;
            Some(pod.pointer("/spec/nodeName")?.as_str()?.to_owned())
        });
        node.ok_or_else(|| Error::bug(format!("pod/{shard} of the demo has no node")))
    }

    /// Runs a command line, as a process of its own would: a client of its own, and nothing of it is heard afterwards.
    async fn run(&self, words: Vec<String>, is_killed: bool) -> Result<Ends> {
        let mut cli =
            Cli::try_parse_from(&words).map_err(|error| Error::bug(format!("the demo's own line: {error}")))?;
        cli.global.color = self.global.color;
        cli.global.quiet = self.global.quiet;
        cli.global.verbose = self.global.verbose;
        let cluster = &self.stage.cluster;
        let life = Life::new(if is_killed { VICTIM } else { 0 }, Faults::default());
        if is_killed {
            cluster.watched_by(Killer(life.clone()));
        }
        let client = cluster.client_of(&life, NAMESPACE);
        // Nobody presses Ctrl-C in a scene: it ends the demo.
        let (_nobody, stop) = watch::channel(0);
        let ended = tokio::select! {
            biased;
            () = life.ended() => Ends::Killed,
            code = Box::pin(run_within(cli, words, client, stop)) => Ends::With(code),
        };
        life.end();
        sleep(if ended == Ends::Killed { NOTICING } else { TYPING }).await;
        Ok(ended)
    }
}

/// Kills a process as soon as it has evicted a pod.
struct Killer(Life);

impl Witness for Killer {
    fn hears(&mut self, _: &Plane, _: &Deed<'_>, _: Timestamp) {}

    fn saw(&mut self, _: &Plane, deed: Option<(&Deed<'_>, u16)>, _: Timestamp) {
        let evicted = |(deed, code): (&Deed<'_>, u16)| {
            deed.life == VICTIM && code < 300 && deed.request.path.ends_with("/eviction")
        };
        if deed.is_some_and(evicted) {
            self.0.end();
        }
    }
}
