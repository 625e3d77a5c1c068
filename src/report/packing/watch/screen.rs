//! The watched packing drawn in place, as wide and as tall as the terminal is at the moment.

use dialoguer::console::Term;
use indicatif::{MultiProgress, ProgressDrawTarget};

use crate::report::moving::Moving;

/// The view. It takes its place back when it is dropped.
pub struct Screen {
    multi: MultiProgress,
    lines: Moving,
    terminal: Term,
}

impl Screen {
    /// A view on standard output.
    pub fn on_stdout() -> Screen {
        Screen {
            multi: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
            lines: Moving::default(),
            terminal: Term::stdout(),
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        usize::from(self.terminal.size().0)
    }

    /// Draws these lines.
    pub fn draw(&mut self, lines: Vec<String>) {
        self.lines.draw(&self.multi, None, lines);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.lines.clear(&self.multi);
        // What can't be drawn can't be complained about either.
        let _ = self.multi.clear();
    }
}
