//! `--report`: what is told of a run is kept, and becomes a page when the run is over, however it ended.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::again::{this_line, words};
use super::output::complain;
use super::whole_file;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::exit_code::ExitCode;
use crate::report::html::{Trouble, render};
use crate::report::style::Style;
use crate::report::{errors, untrusted};

/// The events of a run, kept where somebody wants a page of them.
#[derive(Clone, Debug, Default)]
pub struct Heard(Option<Arc<Mutex<Vec<Event>>>>);

impl Heard {
    /// Keeps an event.
    pub fn keep(&self, event: &Event) {
        if let Some(events) = &self.0 {
            events
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(event.clone());
        }
    }

    fn all(&self) -> Vec<Event> {
        let events = self
            .0
            .as_ref()
            .map(|events| events.lock().unwrap_or_else(PoisonError::into_inner));
        events.map(|events| events.clone()).unwrap_or_default()
    }
}

/// The page that is wanted, where one is.
#[derive(Debug)]
pub struct ReportFile {
    place: Option<PathBuf>,
    heard: Heard,
}

impl ReportFile {
    /// A page at this place, or none.
    ///
    /// # Errors
    /// [`ErrorKind::File`] where it can't be written there: that is known before anything is changed.
    pub fn at(place: Option<&Path>) -> Result<ReportFile> {
        if let Some(place) = place {
            whole_file::check(place).map_err(|error| failed(ErrorKind::File, place, error))?;
        }
        Ok(ReportFile {
            place: place.map(Path::to_owned),
            heard: Heard(place.map(|_| Arc::default())),
        })
    }

    /// Where events go that the page is to tell.
    pub fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// Writes the page of a run that is over. A command line that can't be followed was no run: there is no page of it.
    ///
    /// # Errors
    /// The run's own; where the page can't be written, only if there is nothing worse to say.
    pub fn finish(self, outcome: Result<ExitCode>, quiet: bool, style: Style) -> Result<ExitCode> {
        let Some(place) = &self.place else { return outcome };
        let trouble = outcome.as_ref().err();
        if trouble.is_some_and(|error| matches!(error.kind(), ErrorKind::Usage | ErrorKind::File)) {
            return outcome;
        }
        let trouble = trouble.map(|error| Trouble {
            message: error.message(),
            hints: error.hints(),
            exit_code: error.exit_code() as u8,
        });
        let page = render(&self.heard.all(), Some(&this_line(words())), trouble.as_ref());
        let written = whole_file::write(place, &page).map_err(|error| failed(ErrorKind::Output, place, error));
        match (outcome, written) {
            (Ok(ExitCode::Done), Err(error)) => Err(error),
            (outcome, Err(error)) => {
                complain(&errors::render(&error, style, false));
                outcome
            }
            (outcome, Ok(())) => {
                if !quiet {
                    let place = place.display().to_string();
                    complain(&format!("the page of this run: {}\n", untrusted::visible(&place)));
                }
                outcome
            }
        }
    }
}

fn failed(kind: ErrorKind, place: &Path, error: std::io::Error) -> Error {
    let message = format!("failed to write the page {}: {error}", place.display());
    let error = Error::new(kind, message).because(error);
    match kind {
        ErrorKind::File => error.hint("nothing was changed; give --report a place that takes a file"),
        _ => error,
    }
}
