//! An operation on a terminal, alive: the shards in hand with their timers, a bar over all, and whatever is worth keeping as
//! lines above them. Follows the terminal's width as it changes.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::board::Board;
use super::lines::Lines;
use super::moving::Moving;
use super::style::Style;
use crate::event::{Event, Fact, TaskState};

/// The view. It takes its place back when it is dropped.
pub struct Live {
    style: Style,
    multi: MultiProgress,
    lines: Moving,
    total: ProgressBar,
    board: Board,
    said: Lines,
    /// The server's time of the last event, and when it came: between events the timers go by our own clock.
    last: Option<(Timestamp, Instant)>,
}

impl Live {
    /// A view on standard error, of which nothing is drawn before the operation has started.
    pub fn on_stderr(style: Style) -> Live {
        Live::on(ProgressDrawTarget::stderr(), style)
    }

    fn on(target: ProgressDrawTarget, style: Style) -> Live {
        let multi = MultiProgress::with_draw_target(target);
        let total = ProgressBar::hidden();
        if let Ok(layout) = ProgressStyle::with_template("{bar:20} {wide_msg}") {
            total.set_style(layout.progress_chars("━━─"));
        }
        Live {
            style,
            multi,
            lines: Moving::default(),
            total,
            board: Board::default(),
            said: Lines::new(style),
            last: None,
        }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event) {
        self.board.note(event);
        self.last = Some((event.at, Instant::now()));
        if let Fact::Started { .. } = event.fact {
            self.total = self.multi.add(self.total.clone());
        }
        let text = self.said.of(event);
        if stays(&event.fact) && !text.is_empty() {
            // What can't be drawn can't be complained about either: standard error is where it would go.
            let _ = self.multi.println(text.trim_end_matches('\n'));
        }
        if let Fact::Ended(_) = event.fact {
            self.clear();
        } else {
            self.tick();
        }
    }

    /// Draws the timers anew.
    pub fn tick(&mut self) {
        let Some((at, came)) = self.last else {
            return;
        };
        let passed = SignedDuration::try_from(came.elapsed()).unwrap_or_default();
        let now = at.checked_add(passed).unwrap_or(at);
        let wanted = self.board.lines(now, self.style);
        self.lines.draw(&self.multi, Some(&self.total), wanted);
        let (done, of) = self.board.progress();
        self.total.set_length(of);
        self.total.set_position(done);
        self.total.set_message(self.board.total(now));
    }

    /// Takes the moving lines away until the next frame: somebody else writes on the terminal meanwhile.
    pub fn pause(&mut self) {
        let _ = self.multi.clear();
    }

    fn clear(&mut self) {
        self.last = None;
        self.lines.clear(&self.multi);
        self.multi.remove(&self.total);
        let _ = self.multi.clear();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Whether an event is worth a line that stays: what the moving lines show already isn't, nor is what goes as it should.
fn stays(fact: &Fact) -> bool {
    match fact {
        Fact::Shard { .. } | Fact::Waiting { .. } | Fact::Ended(_) => false,
        Fact::PrePull { state, .. } | Fact::Task { state, .. } => *state == TaskState::Failed,
        Fact::Heard(happening) => happening.warning,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;
    use crate::model::phase::Phase;
    use crate::report::testing::{done, one_of_each, shard, started};
    use crate::report::untrusted::is_treacherous;

    fn view(rows: u16, columns: u16) -> (Live, InMemoryTerm) {
        let terminal = InMemoryTerm::new(rows, columns);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        (Live::on(target, Style::of_width(usize::from(columns))), terminal)
    }

    #[tokio::test(start_paused = true)]
    async fn shards_in_hand_move_below_and_finished_ones_stay_above() {
        let (mut live, terminal) = view(24, 80);
        live.show(&started(&["db-1", "db-0"].map(str::to_owned)));
        live.show(&shard(1.0, "db-1", Phase::Attach, "for its disk to leave node-1", 1.0));
        live.show(&done(9.0, "db-1", 8.0));
        live.show(&shard(9.0, "db-0", Phase::Terminate, &"for its end ".repeat(20), 9.0));
        tokio::time::advance(std::time::Duration::from_secs(5)).await;
        live.tick();
        let shown = terminal.contents();
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            lines.len() >= 4 && lines.iter().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
        let [.., ready, in_hand, total] = lines.as_slice() else {
            panic!("{shown}");
        };
        assert!(
            shown.contains("db-1      done        Ready after 8.0s down"),
            "{ready}: {shown}"
        );
        assert!(
            in_hand.starts_with("▸ db-0  terminate       5s  for its end"),
            "{shown}"
        );
        assert!(total.contains("1/2 shards · 13.0 shard-seconds down"), "{shown}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_shards_in_hand_fit_a_screen() {
        let (mut live, terminal) = view(24, 80);
        let names: Vec<String> = (0..1000).map(|ordinal| format!("db-{ordinal}")).collect();
        live.show(&started(&names));
        for name in &names {
            live.show(&shard(1.0, name, Phase::Start, "until it is Ready", 1.0));
        }
        let shown = terminal.contents();
        let moving = shown.lines().filter(|line| line.starts_with('▸')).count();
        assert_eq!(moving, super::super::board::SHOWN, "{shown}");
        assert!(shown.contains("988 more in hand"), "{shown}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_leaves_no_bar_and_no_word_steers_the_terminal() {
        let (mut live, terminal) = view(60, 100);
        for event in one_of_each() {
            live.show(&event);
        }
        let shown = terminal.contents();
        assert!(!shown.contains("shard-seconds"), "{shown}");
        assert!(!shown.contains('▸') && shown.contains("Multi-Attach error"), "{shown}");
        assert!(!shown.contains(|c| c != '\n' && is_treacherous(c)), "{shown}");
    }
}
