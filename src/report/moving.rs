//! Lines that are drawn anew where they stand: as many as there is to say at the moment.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// The lines of one place on the terminal.
#[derive(Default)]
pub struct Moving(Vec<ProgressBar>);

impl Moving {
    /// Draws these lines, above `bar` where there is one. Each is cut at the terminal's width, as wide as that is by then.
    pub fn draw(&mut self, multi: &MultiProgress, bar: Option<&ProgressBar>, wanted: Vec<String>) {
        while self.0.len() > wanted.len() {
            if let Some(line) = self.0.pop() {
                multi.remove(&line);
            }
        }
        while self.0.len() < wanted.len() {
            let line = ProgressBar::new_spinner();
            if let Ok(layout) = ProgressStyle::with_template("{wide_msg}") {
                line.set_style(layout);
            }
            self.0.push(match bar {
                Some(bar) => multi.insert_before(bar, line),
                None => multi.add(line),
            });
        }
        for (line, words) in self.0.iter().zip(wanted) {
            line.set_message(words);
        }
    }

    /// Takes them away.
    pub fn clear(&mut self, multi: &MultiProgress) {
        for line in self.0.drain(..) {
            multi.remove(&line);
        }
    }
}
