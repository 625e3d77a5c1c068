//! How an operation is shown: alive on a terminal, as lines elsewhere, as JSON for programs, or only at its end.
//!
//! Progress goes to standard error and the end report to standard output; with `-o json` standard output has one JSON object
//! a line and nothing else.

use std::io::IsTerminal;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::output::{complain, print};
use super::report_file::Heard;
use super::{Context, confirm};
use crate::cluster::server_time::ServerTime;
use crate::error::{Error, Result};
use crate::event::{Event, Fact};
use crate::exit_code::ExitCode;
use crate::model::outcome::{End, Outcome};
use crate::operations::emit::Emitter;
use crate::report::lines::Lines;
use crate::report::live::Live;
use crate::report::style::{Style, is_dumb};
use crate::report::{json, outcome};

/// How often the timers of the live view move.
const FRAME: Duration = Duration::from_millis(250);

/// The exit code of an end.
pub fn exit_code(end: End) -> ExitCode {
    match end {
        End::Done | End::NothingToDo => ExitCode::Done,
        End::Refused => ExitCode::Refused,
        End::Halted => ExitCode::Failed,
        End::TimedOut => ExitCode::Blocked,
        End::Interrupted => ExitCode::Interrupted,
        End::Locked => ExitCode::Locked,
        End::MarkLeft => ExitCode::MarkLeft,
        End::Unreachable | End::Unjudged => ExitCode::Unknown,
    }
}

/// Something that the operation asks in its middle.
pub struct Question {
    /// A whole question.
    pub words: String,
    /// Counts Ctrl-C, which ends the question.
    pub stop: watch::Receiver<u32>,
    /// Where the answer goes; `true` is yes.
    pub answer: oneshot::Sender<bool>,
}

/// Runs an operation beside its view; the exit code of its end.
///
/// # Errors
/// Those of the operation; where the view can't be written, only if there is nothing worse to say.
pub async fn beside<F>(
    view: View,
    time: &ServerTime,
    questions: UnboundedReceiver<Question>,
    operation: impl FnOnce(Emitter) -> F,
) -> Result<ExitCode>
where
    F: Future<Output = Result<Outcome>>,
{
    let (events, from) = Emitter::channel(time.clone());
    let viewer = tokio::spawn(view.follow(from, questions));
    let code = operation(events.clone()).await.map(|outcome| {
        let code = exit_code(outcome.end);
        events.emit(Fact::Ended(Box::new(outcome)));
        code
    });
    drop(events);
    let shown = viewer.await.unwrap_or(Ok(()));
    match code {
        Ok(ExitCode::Done) => shown.map(|()| ExitCode::Done),
        code => code,
    }
}

/// How a run is shown, and what of it is kept for its page.
pub struct View {
    form: Form,
    heard: Heard,
}

/// One of the ways.
enum Form {
    /// Lines that move, on a terminal.
    Live(Box<Live>, Style),
    /// Lines that are only added.
    Lines(Lines, Style),
    /// One JSON object a line.
    Json,
    /// The end report alone (`--quiet`).
    Quiet(Style),
}

impl View {
    /// The way that the flags and the terminal ask for.
    pub fn choose(context: &Context, as_json: bool) -> View {
        let alive = std::io::stderr().is_terminal() && !is_dumb();
        let mut view = View::without_timers(context, as_json);
        view.form = match view.form {
            Form::Lines(_, end) if alive => Form::Live(Box::new(Live::on_stderr(context.stderr())), end),
            form => form,
        };
        view
    }

    /// As [`View::choose`], with lines on a terminal as well: for what has no shards in hand.
    pub fn without_timers(context: &Context, as_json: bool) -> View {
        let end = context.stdout();
        let form = if as_json {
            Form::Json
        } else if context.global.quiet {
            Form::Quiet(end)
        } else {
            Form::Lines(Lines::new(context.stderr()), end)
        };
        let heard = context.heard.clone();
        View { form, heard }
    }

    /// Shows an event; the last one brings the end report.
    ///
    /// # Errors
    /// Where standard output can't be written.
    pub fn show(&mut self, event: &Event) -> Result<()> {
        self.heard.keep(event);
        let end = match &mut self.form {
            Form::Json => {
                let line = json::line("Event", event)
                    .map_err(|error| Error::bug(format!("failed to write an event as JSON: {error}")))?;
                return print(&line);
            }
            Form::Live(live, end) => {
                live.show(event);
                *end
            }
            Form::Lines(lines, end) => {
                complain(&lines.of(event));
                *end
            }
            Form::Quiet(end) => *end,
        };
        match &event.fact {
            Fact::Ended(ended) => print(&outcome::render(ended, end)),
            _ => Ok(()),
        }
    }

    /// Shows events until no more can come, with timers that move in between, and asks what the operation wants to know: only
    /// one may write on a terminal at a time.
    ///
    /// # Errors
    /// As [`View::show`].
    pub async fn follow(
        mut self,
        mut events: UnboundedReceiver<Event>,
        mut questions: UnboundedReceiver<Question>,
    ) -> Result<()> {
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut shown = Ok(());
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    // What can't be shown is kept all the same: the page tells the whole run.
                    Some(event) if shown.is_err() => self.heard.keep(&event),
                    Some(event) => shown = self.show(&event),
                    None => return shown,
                },
                Some(question) = questions.recv() => {
                    if let Form::Live(live, _) = &mut self.form {
                        live.pause();
                    }
                    let yes = confirm::ask(&question.words, false, &question.stop).await.is_ok();
                    // Whoever asked may be gone: interrupted twice.
                    let _ = question.answer.send(yes);
                }
                _ = frames.tick() => {
                    if let Form::Live(live, _) = &mut self.form {
                        live.tick();
                    }
                }
            }
        }
    }
}
