//! `--rehearse`: the cluster as it is, loaded into the rehearsal cluster; the operation's own code run there; what came of it.

pub mod load;
pub mod machines;
pub mod pace;
pub mod stage;

use jiff::SignedDuration;

use super::connection::{open_in, policy};
use super::early::refused;
use super::output::print;
use super::progress::Spinner;
use super::show::exit_code;
use super::{Context, again, snapshot_file};
use crate::cli::{Rehearse, Source};
use crate::error::{Error, Result};
use crate::event::Fact;
use crate::exit_code::ExitCode;
use crate::model::outcome::{End, Outcome};
use crate::model::refusal::Refusal;
use crate::model::right::Rule;
use crate::operations::emit::Emitter;
use crate::operations::gather::{Asked, Gathered, gather, of_recording};
use crate::plan::verify::seen::Seen;
use crate::report::json;
use crate::report::rehearsal::{Rehearsal, Staged};
use crate::report::rehearsal_page::render;
use load::{Loaded, load};
use machines::Bought;
use pace::{measured, patience};
use stage::{Actor, Ending, Performed, play_made};

/// What is to be rehearsed, but for the operation itself.
pub struct Play {
    /// What the cluster is like.
    pub gathered: Gathered,
    /// What the real run does and the rehearsal leaves out.
    pub left_out: Vec<String>,
    /// Each length of time that the operation was told to wait, or to allow.
    pub waits: Vec<SignedDuration>,
    /// What Karpenter can buy beyond the sizes of the nodes that are there.
    pub bought: Bought,
    /// Whether the result is JSON.
    pub as_json: bool,
    /// Whether there is a cluster of somebody's behind it, where it could be done for real.
    pub has_a_cluster: bool,
    /// Where the cluster was read from.
    source: String,
    /// Flags that the real run needs beyond those that were given.
    beyond: Vec<String>,
}

/// Which set is rehearsed, where the operation says so itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub statefulset: String,
}

impl Play {
    /// Reads the cluster that the context leads to, or the file that `--from` names. Without `about` the set is the configured one.
    /// `needed` are the rights that the operation takes on a set.
    ///
    /// # Errors
    /// Where it can't be read; where a name that was typed doesn't exist.
    pub async fn read(
        context: &Context,
        rehearse: &Rehearse,
        about: Option<About>,
        beyond: Asked,
        as_json: bool,
        needed: impl FnOnce(&str, &str) -> Vec<Rule>,
    ) -> Result<Play> {
        let file = rehearse.from.as_ref().and_then(Source::file);
        let (within, wanted) = match &about {
            Some(about) => (Some(about.namespace.as_str()), Some(about.statefulset.as_str())),
            None if file.is_some() => (
                snapshot_file::typed(context, "namespace"),
                snapshot_file::typed(context, "statefulset"),
            ),
            None => (context.settings.word("namespace"), context.settings.word("statefulset")),
        };
        let (gathered, source) = match file {
            Some(path) => {
                let gathered = of_recording(snapshot_file::read(path)?.0);
                snapshot_file::is_about(path, &gathered.recording.taken, within, wanted)?;
                (gathered, format!("the snapshot {}", path.display()))
            }
            None => {
                let _spinner = (!as_json).then(|| Spinner::start(context, "looking at the cluster"));
                let asked = Asked {
                    statefulset: wanted.map(str::to_owned),
                    policy: policy(context, &[])?,
                    ..beyond
                };
                let connection = open_in(context, within).await?;
                let source = match rehearse.from {
                    Some(_) => "the demo's cluster",
                    None => "the cluster",
                };
                (gather(&connection, &asked, needed).await?, source.to_owned())
            }
        };
        let mut play = Play::of(gathered, source, as_json);
        play.has_a_cluster = context.within.is_none();
        let taken = &play.gathered.recording.taken;
        if rehearse.from.is_some() && !taken.redacted && within.is_none() {
            // A real run would look into the namespace of today's context.
            play.beyond = vec!["--namespace".to_owned(), taken.namespace.clone()];
        }
        if let (Some(_), None, Some(known)) = (file, wanted, &taken.statefulset)
            && !taken.redacted
            && context.settings.word("statefulset").is_some_and(|word| word != known)
        {
            // And work on the set of today's configuration.
            play.beyond.extend(["--statefulset".to_owned(), known.clone()]);
        }
        Ok(play)
    }

    /// A rehearsal of what was read; `source` says where, a noun.
    pub fn of(gathered: Gathered, source: String, as_json: bool) -> Play {
        Play {
            gathered,
            left_out: Vec::new(),
            waits: Vec::new(),
            bought: Bought::default(),
            as_json,
            has_a_cluster: true,
            source,
            beyond: Vec::new(),
        }
    }

    /// The name of the set that it is about.
    pub fn statefulset(&self) -> Option<String> {
        self.gathered.recording.taken.statefulset.clone()
    }

    /// Plays an operation, and shows what came of it; the exit code that the real run would have.
    ///
    /// # Errors
    /// Those of the operation before it changes anything; where the result can't be written.
    pub async fn show<F>(
        self,
        context: &Context,
        operation: impl FnOnce(Actor) -> F + Send + 'static,
    ) -> Result<ExitCode>
    where
        F: Future<Output = Result<Outcome>> + 'static,
    {
        let as_json = self.as_json;
        let spinner = (!as_json).then(|| Spinner::start(context, "rehearsing"));
        let rehearsal = tokio::task::spawn_blocking(move || self.rehearse(operation))
            .await
            .map_err(|error| Error::bug(format!("failed to rehearse: {error}")))??;
        drop(spinner);
        print(&if as_json {
            json::document("Rehearsal", &rehearsal)
                .map_err(|error| Error::bug(format!("failed to write a rehearsal as JSON: {error}")))?
        } else {
            render(&rehearsal, context.stdout())
        })?;
        Ok(rehearsal.end.map_or(ExitCode::Blocked, exit_code))
    }

    /// Plays an operation; what came of it.
    ///
    /// # Errors
    /// Those of the operation before it changes anything; a bug where it asked what the rehearsal cluster doesn't serve.
    pub fn rehearse<F>(self, operation: impl FnOnce(Actor) -> F + Send + 'static) -> Result<Rehearsal>
    where
        F: Future<Output = Result<Outcome>>,
    {
        let (gathered, bought) = (self.gathered, self.bought);
        let (at, namespace) = (gathered.recording.taken.at, gathered.recording.taken.namespace.clone());
        let make = move || {
            let (pace, durations) = measured(gathered.snapshot()?);
            let Loaded { mut plane, mut assumed } = load(&gathered, pace)?;
            plane.machines = bought.machines;
            assumed.extend(bought.assumed);
            Ok((plane, (durations, assumed)))
        };
        let patience = patience(&self.waits);
        let script = async move |stage: &mut stage::Stage| {
            stage.patience = patience;
            stage.perform(operation).await
        };
        let (performed, plane, (durations, mut assumed)) = play_made(make, at, &namespace, script)?;
        assumed.push(
            "that registries have the images, and that no webhook, quota or Pod Security refuses a pod: --dry-run=server asks the \
             server"
                .to_owned(),
        );
        let Performed { events, ending, took } = performed;
        if let Some(stray) = plane.strays.first() {
            return Err(Error::bug(format!("failed to rehearse: {stray}")));
        }
        let outcome = match ending {
            Ending::Ended(outcome) => Some(outcome),
            Ending::Waits => None,
            Ending::Failed(error) => return Err(error),
            Ending::Killed => return Err(Error::bug("a rehearsal was killed")),
        };
        let staged = Staged {
            source: self.source,
            durations,
            assumed,
            left_out: self.left_out,
            real: self
                .has_a_cluster
                .then(|| again::for_real(again::words(), &self.beyond)),
        };
        Ok(Rehearsal::of(
            staged,
            at,
            events,
            outcome.as_deref(),
            took.as_secs_f64(),
        ))
    }
}

/// How an operation ends before anybody would be asked, where it does: said as the real run says it.
pub fn ends_early(
    events: &Emitter,
    seen: &Seen<'_>,
    set_name: &str,
    idle: Option<String>,
    left: Vec<Refusal>,
) -> Option<(End, String)> {
    if let Some(summary) = idle {
        return Some((End::NothingToDo, summary));
    }
    let end = refused(seen, set_name, &left)?;
    for refusal in left {
        events.emit(Fact::Refused { refusal });
    }
    Some(end)
}

#[cfg(test)]
mod tests;
