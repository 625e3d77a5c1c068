//! The terminal as it was found, or key by key for a while; put back after a question that nobody waits for any more, after a child
//! that was killed in the middle of one, and at the end.

use std::io;

use dialoguer::console::Term;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// How standard input's terminal was.
pub struct Terminal {
    was: Option<Termios>,
    plain: bool,
}

impl Terminal {
    /// As it is now; nothing where standard input is no terminal.
    pub fn found(plain: bool) -> Terminal {
        Terminal {
            was: tcgetattr(io::stdin()).ok(),
            plain,
        }
    }

    /// As it is now, and until this is dropped without whole lines and echo: `console` asks for each key by itself, and a Ctrl-D
    /// between two of them would be the end of a line that is lost.
    pub fn key_by_key() -> Terminal {
        let found = Terminal::found(false);
        if let Some(was) = &found.was {
            let mut keys = was.clone();
            keys.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &keys);
        }
        found
    }

    /// Puts it back: echo, whole lines, a cursor that is seen. There is nowhere to say that this failed.
    pub fn restore(&self) {
        if let Some(was) = &self.was {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, was);
            if !self.plain {
                let _ = Term::stderr().show_cursor();
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.restore();
    }
}
