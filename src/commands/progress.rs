//! A spinner on standard error while a snapshot is taken: only on a terminal, and never in anybody's file.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Context;
use crate::report::style::is_dumb;

/// A spinner that goes away when it is dropped.
pub struct Spinner(Option<ProgressBar>);

impl Spinner {
    /// Shows words with a spinner, where standard error is a terminal and nobody asked for quiet.
    pub fn start(context: &Context, words: &str) -> Spinner {
        if context.global.quiet || !std::io::stderr().is_terminal() || is_dumb() {
            return Spinner(None);
        }
        let bar = ProgressBar::new_spinner().with_message(words.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Spinner(Some(bar))
    }
}

impl Spinner {
    /// Shows other words.
    pub fn say(&self, words: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(words.to_owned());
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
