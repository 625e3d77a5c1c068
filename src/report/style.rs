//! Colour, decided once for each stream: `--color`, then NO_COLOR, then CLICOLOR_FORCE, then whether it is a terminal.

use std::io::IsTerminal;

use colored::{ColoredString, Colorize};

/// Whether the terminal can neither paint nor move its cursor, as `TERM=dumb` says.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// What `--color` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Colour on a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a piece of text is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Heading,
    /// All is well.
    Good,
    /// A warning.
    Warn,
    /// An error.
    Bad,
    /// Not known.
    Unsure,
    /// Of less weight.
    Faint,
    /// A command to copy.
    Command,
}

/// One stream's looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    coloured: bool,
    width: Option<usize>,
}

impl Style {
    /// The style of standard output.
    pub fn of_stdout(colour: Colour) -> Style {
        Style::of(colour, std::io::stdout().is_terminal())
    }

    /// The style of standard error.
    pub fn of_stderr(colour: Colour) -> Style {
        Style::of(colour, std::io::stderr().is_terminal())
    }

    /// Without colour or wrapping, for files and tests.
    pub const PLAIN: Style = Style {
        coloured: false,
        width: None,
    };

    /// Without colour, wrapped at so many columns.
    #[cfg(test)]
    pub const fn of_width(width: usize) -> Style {
        Style {
            coloured: false,
            width: Some(width),
        }
    }

    fn of(colour: Colour, terminal: bool) -> Style {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        let coloured = match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if set("NO_COLOR") => false,
            Colour::Auto if set("CLICOLOR_FORCE") => true,
            Colour::Auto => terminal && !is_dumb(),
        };
        // `colored` would judge by standard output alone; it is told to obey, and asked only where colour is wanted.
        colored::control::set_override(true);
        Style {
            coloured,
            width: terminal.then(|| textwrap::termwidth().max(40)),
        }
    }

    /// The same without wrapping.
    #[must_use]
    pub fn unwrapped(self) -> Style {
        Style { width: None, ..self }
    }

    /// Whether colour is wanted.
    pub fn coloured(self) -> bool {
        self.coloured
    }

    /// The width to wrap at, in columns; none where the stream isn't a terminal.
    pub fn width(self) -> Option<usize> {
        self.width
    }

    /// Where lines go on that begin at `column`: under their beginning, or further left where that would leave a narrow strip.
    pub fn hang(self, column: usize) -> usize {
        match self.width {
            Some(width) if width < column + 45 => column.min(13),
            _ => column,
        }
    }

    /// Text in a tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.coloured || text.is_empty() {
            return text.to_owned();
        }
        let painted: ColoredString = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Heading => text.bold(),
            Tone::Good => text.green(),
            Tone::Warn => text.yellow(),
            Tone::Bad => text.red().bold(),
            Tone::Unsure => text.magenta(),
            Tone::Faint => text.dimmed(),
            Tone::Command => text.cyan(),
        };
        painted.to_string()
    }
}
