//! One of several, chosen on the terminal: by arrow keys or a number, or by a number typed after numbered lines.
//!
//! The list is drawn on dialoguer's own `console`: dialoguer's list takes no number and doesn't end at Ctrl-D. Nothing is drawn but
//! lines above the cursor, which every terminal can take back, over ssh as well. A list that is higher than the window isn't drawn:
//! it becomes numbered lines.

use std::io;

use dialoguer::console::{Key, Term, measure_text_width, truncate_str};

use crate::commands::output::complain;
use crate::commands::terminal::Terminal;
use crate::commands::typed;
use crate::report::style::{Style, Tone};
use crate::report::untrusted::visible;

/// One of several.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// Its line in a list.
    pub row: String,
    /// All of it, for numbered lines, and below a list while it is the one in hand.
    pub detail: Vec<String>,
}

impl Item {
    /// One that a line tells.
    pub fn of(label: &str) -> Item {
        Item {
            row: label.to_owned(),
            detail: vec![label.to_owned()],
        }
    }
}

/// What somebody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This one.
    Chosen(usize),
    /// None of them: q, or Esc.
    Back,
    /// Ctrl-D, or the end of the input.
    End,
}

/// What is said below the end of a command.
const READ: &str = "Return goes back to the menu; q ends";

/// What Ctrl-D is.
const END: char = '\u{4}';

/// Asks; `leaving` is what q does.
///
/// # Errors
/// Where the terminal can't be read; [`io::ErrorKind::Interrupted`] for Ctrl-C.
pub fn choose(question: &str, items: &[Item], leaving: &str, style: Style, plain: bool) -> io::Result<Answer> {
    let term = Term::buffered_stderr();
    if plain || !fits(&term, items) {
        return typed_number(question, items, leaving);
    }
    let _keys = Terminal::key_by_key();
    let _cursor = Cursor::hide(&term)?;
    let keys = format!("arrow keys or a number, then Return; q {leaving}");
    let mut at = 0;
    let mut number = String::new();
    loop {
        let lines = drawn([question, &keys], items, at, style, width(&term));
        for line in &lines {
            term.write_line(line)?;
        }
        term.flush()?;
        let key = term.read_key();
        // The window may have become narrower since.
        let width = width(&term);
        term.clear_last_lines(lines.iter().map(|line| height(line, width)).sum())?;
        term.flush()?;
        let typed = std::mem::take(&mut number);
        match key? {
            Key::ArrowDown | Key::Tab | Key::Char('j') => at = (at + 1) % items.len(),
            Key::ArrowUp | Key::BackTab | Key::Char('k') => at = (at + items.len() - 1) % items.len(),
            Key::Home => at = 0,
            Key::End => at = items.len() - 1,
            Key::Char(digit) if digit.is_ascii_digit() => {
                let digit = digit.to_string();
                for text in [typed + &digit, digit] {
                    if let Some(found) = numbered(&text, items.len()) {
                        (at, number) = (found, text);
                        break;
                    }
                }
            }
            Key::Enter => return Ok(Answer::Chosen(at)),
            Key::Escape | Key::Char('q') => return Ok(Answer::Back),
            Key::Char(END) => return Ok(Answer::End),
            _ => {}
        }
    }
}

/// Waits until somebody has read what stands above: a menu below it would push it out of a low window.
///
/// # Errors
/// As [`choose`].
pub fn go_on(style: Style) -> io::Result<Answer> {
    let term = Term::buffered_stderr();
    let _keys = Terminal::key_by_key();
    let _cursor = Cursor::hide(&term)?;
    term.write_line(&style.paint(Tone::Faint, READ))?;
    term.flush()?;
    let answer = loop {
        match term.read_key() {
            Ok(Key::Enter | Key::Escape | Key::Char(' ')) => break Ok(Answer::Back),
            Ok(Key::Char('q' | END)) => break Ok(Answer::End),
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    term.clear_last_lines(height(READ, width(&term)))?;
    term.flush()?;
    answer
}

/// As numbered lines, and a number typed.
fn typed_number(question: &str, items: &[Item], leaving: &str) -> io::Result<Answer> {
    let mut text = format!("{}\n", visible(question));
    for (at, item) in items.iter().enumerate() {
        for (line, words) in item.detail.iter().enumerate() {
            let lead = match line {
                0 => format!("{}. ", at + 1),
                _ => "   ".to_owned(),
            };
            text.push_str(&format!("{lead}{}\n", visible(words)));
        }
    }
    complain(&text);
    loop {
        let ask = format!("A number from 1 to {} and Return; q {leaving}: ", items.len());
        let Some(typed) = typed::line(&ask)? else {
            return Ok(Answer::End);
        };
        match typed.trim() {
            "q" | "\u{1b}" => return Ok(Answer::Back),
            text => match numbered(text, items.len()) {
                Some(at) => return Ok(Answer::Chosen(at)),
                None => complain(&format!("`{}` is no number from 1 to {}\n", visible(text), items.len())),
            },
        }
    }
}

/// The place of an item by its number.
fn numbered(text: &str, count: usize) -> Option<usize> {
    text.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < count)
}

fn width(term: &Term) -> usize {
    usize::from(term.size().1).max(1)
}

/// Whether the list has room in the window, whichever item is in hand.
fn fits(term: &Term, items: &[Item]) -> bool {
    let width = width(term);
    let highest = (0..items.len()).map(|at| {
        let lines = drawn([""; 2], items, at, Style::PLAIN, width);
        lines.iter().map(|line| height(line, width)).sum::<usize>()
    });
    highest
        .max()
        .is_some_and(|highest| highest < usize::from(term.size().0))
}

/// How many rows a line takes.
fn height(line: &str, width: usize) -> usize {
    measure_text_width(line).div_ceil(width).max(1)
}

/// The lines of the list with the item at `at` in hand, between the question and the keys.
fn drawn([question, keys]: [&str; 2], items: &[Item], at: usize, style: Style, width: usize) -> Vec<String> {
    let cut = |text: &str| truncate_str(text, width, "…").into_owned();
    let mut lines = vec![style.paint(Tone::Heading, &cut(&visible(question)))];
    let digits = items.len().to_string().len();
    let mut below = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let mark = if place == at { '>' } else { ' ' };
        let row = format!("{mark} {:>digits$}  {}", place + 1, visible(&item.row));
        let shown = cut(&row);
        if place == at {
            if shown != row || item.detail.len() > 1 {
                below.extend(item.detail.iter().map(|line| format!("  {}", visible(line))));
            }
            lines.push(style.paint(Tone::Command, &shown));
        } else {
            lines.push(shown);
        }
    }
    lines.extend(below);
    lines.push(style.paint(Tone::Faint, &cut(keys)));
    lines
}

/// The cursor, hidden until this is dropped.
struct Cursor<'a>(&'a Term);

impl Cursor<'_> {
    fn hide(term: &Term) -> io::Result<Cursor<'_>> {
        term.hide_cursor()?;
        Ok(Cursor(term))
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        let _ = self.0.show_cursor().and_then(|()| self.0.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_to_the_window_and_the_one_in_hand_is_told_in_full() {
        let items = [
            Item::of("node-1: shard-0, shard-3 · Standard_E16s_v5"),
            Item::of("node-2: \u{1b}[2J"),
        ];
        let lines = drawn(["Which node?", "arrow keys"], &items, 0, Style::PLAIN, 24);
        assert!(lines[1].starts_with("> 1  node-1: shard-0"), "{lines:?}");
        assert!(
            lines[1].ends_with('…') && measure_text_width(&lines[1]) <= 24,
            "{lines:?}"
        );
        assert_eq!(lines[2], "  2  node-2: \\e[2J");
        assert_eq!(lines[3], "  node-1: shard-0, shard-3 · Standard_E16s_v5");
        assert_eq!(height(&lines[3], 24), 2);
        assert!(drawn(["Which node?", "arrow keys"], &items, 1, Style::PLAIN, 24)[3].starts_with("arrow keys"));
    }

    #[test]
    fn numbers_begin_at_one() {
        assert_eq!(numbered("1", 8), Some(0));
        assert_eq!(numbered("8", 8), Some(7));
        for wrong in ["0", "9", "", "-1", "two"] {
            assert_eq!(numbered(wrong, 8), None, "{wrong}");
        }
    }
}
