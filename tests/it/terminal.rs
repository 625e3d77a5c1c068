//! shardctl on a real pseudo-terminal: keys go in, and what comes out is kept as it was written and as a terminal shows it.

use crate::cluster::Scene;
use crate::cluster::wait::{DEADLINE, wait_for};
use dialoguer::console::strip_ansi_codes;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// A terminal that is wide and high enough for all that tests print.
pub const ROOMY: (u16, u16) = (200, 160);

/// What an arrow key sends.
pub const DOWN: &str = "\u{1b}[B";
/// What an arrow key sends.
pub const UP: &str = "\u{1b}[A";
/// What Ctrl-C sends.
pub const CTRL_C: &str = "\u{3}";
/// What Ctrl-D sends.
pub const CTRL_D: &str = "\u{4}";

/// A terminal with shardctl on it; both end with the test.
pub struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    written: Arc<Mutex<Written>>,
    reader: Option<JoinHandle<()>>,
    /// How much of the words was waited for already.
    read: usize,
}

/// What was written.
struct Written {
    bytes: Vec<u8>,
    shown: vt100::Parser,
}

impl Terminal {
    /// `shardctl ARGUMENTS` on a terminal of so many rows and columns.
    pub fn start(scene: &Scene<'_>, size: (u16, u16), term: &str, arguments: &[&str]) -> Terminal {
        let command = shardctl(term, arguments)
            .env("HOME", scene.home())
            .env("KUBECONFIG", scene.kubeconfig())
            .current_dir(scene.home());
        Terminal::of(command, size)
    }

    /// The same without any cluster, kubeconfig or home.
    pub fn without_cluster(size: (u16, u16), arguments: &[&str]) -> Terminal {
        let command = shardctl("xterm-256color", arguments)
            .env("HOME", "/nonexistent")
            .current_dir("/");
        Terminal::of(command, size)
    }

    fn of(command: Command, (rows, columns): (u16, u16)) -> Terminal {
        let (pty, pts) = open().expect("a pseudo-terminal");
        pty.resize(Size::new(rows, columns)).expect("a size");
        let child = command.spawn(pts).expect("start shardctl");
        let mut terminal = Terminal {
            pty: Arc::new(pty),
            child,
            written: Arc::new(Mutex::new(Written {
                bytes: Vec::new(),
                shown: vt100::Parser::new(rows, columns, 0),
            })),
            reader: None,
            read: 0,
        };
        let (pty, written) = (terminal.pty.clone(), terminal.written.clone());
        terminal.reader = Some(std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            // It fails when the last process has left the terminal.
            while let Ok(count @ 1..) = (&*pty).read(&mut chunk) {
                let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
                written.bytes.extend(&chunk[..count]);
                written.shown.process(&chunk[..count]);
            }
        }));
        terminal
    }

    /// Presses keys.
    pub fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("press keys");
    }

    /// Presses the number that stands before these words in a list, and Return.
    #[track_caller]
    pub fn choose(&self, words: &str) {
        self.shows(words);
        let screen = self.screen();
        let row = screen.lines().rev().find(|line| line.contains(words));
        let number = row.and_then(|row| row.trim_start_matches(['>', ' ']).split(' ').next());
        self.press(&format!("{}\r", number.expect("a number")));
    }

    /// Waits until a command of the menu has ended with these words, and goes back to the menu.
    #[track_caller]
    pub fn ends(&mut self, words: &str) {
        self.says(words);
        self.says("Return goes back to the menu; q ends");
        self.press("\r");
    }

    /// Waits until these words are written, after those that were waited for before. Lines may be broken anywhere between words.
    #[track_caller]
    pub fn says(&mut self, words: &str) {
        let from = self.read;
        self.read = wait_for(&format!("it says {words:?}"), DEADLINE, || {
            let all = self.words();
            let rest = all.get(from..).unwrap_or_default();
            let found = rest.find(words).map(|at| from + at + words.len());
            found.ok_or_else(|| rest.to_owned())
        });
    }

    /// Waits until the terminal shows these words.
    #[track_caller]
    pub fn shows(&self, words: &str) {
        wait_for(&format!("the terminal shows {words:?}"), DEADLINE, || {
            let screen = self.screen();
            flat(&screen).contains(words).then_some(()).ok_or(screen)
        });
    }

    /// What a person sees.
    pub fn screen(&self) -> String {
        self.locked(|written| written.shown.screen().contents())
    }

    /// Whether the cursor is seen.
    pub fn has_a_cursor(&self) -> bool {
        self.locked(|written| !written.shown.screen().hide_cursor())
    }

    /// Whether what is typed is repeated, as a shell expects it.
    pub fn echoes(&self) -> bool {
        let settings = tcgetattr(self.pty.as_fd()).expect("the terminal's settings");
        settings.local_flags.contains(LocalFlags::ECHO | LocalFlags::ICANON)
    }

    /// All that was written, as it was written.
    pub fn bytes(&self) -> String {
        self.locked(|written| String::from_utf8_lossy(&written.bytes).into_owned())
    }

    /// The process of the command that the menu runs, once it runs.
    #[track_caller]
    pub fn child_of_the_menu(&self) -> Pid {
        let menu = self.child.id();
        let file = format!("/proc/{menu}/task/{menu}/children");
        wait_for("the menu has a child", DEADLINE, || {
            let children = std::fs::read_to_string(&file).unwrap_or_default();
            let first = children.split_whitespace().next().and_then(|id| id.parse().ok());
            first.map(Pid::from_raw).ok_or_else(|| "none".to_owned())
        })
    }

    /// The words that the command of the menu was started with, but for its own name.
    #[track_caller]
    pub fn words_of_the_child(&self) -> Vec<String> {
        let file = format!("/proc/{}/cmdline", self.child_of_the_menu());
        let line = std::fs::read_to_string(file).expect("the command's words");
        let words = line.split_terminator('\0').skip(1);
        words.map(str::to_owned).collect()
    }

    /// Sends a signal to shardctl alone.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(id), signal).expect("signal shardctl");
    }

    /// Waits for the end; the exit code.
    #[track_caller]
    pub fn end(&mut self) -> Option<i32> {
        let code = wait_for("shardctl ends", DEADLINE, || {
            let ended = self.child.try_wait().expect("wait for shardctl");
            ended.map(|status| status.code()).ok_or_else(|| self.screen())
        });
        // What it wrote last is seen before anybody looks.
        if let Some(reader) = self.reader.take() {
            reader.join().expect("read to the end");
        }
        code
    }

    fn words(&self) -> String {
        flat(&strip_ansi_codes(&self.bytes()))
    }

    fn locked<T>(&self, look: impl FnOnce(&Written) -> T) -> T {
        look(&self.written.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nothing to do where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shardctl(term: &str, arguments: &[&str]) -> Command {
    Command::new(env!("CARGO_BIN_EXE_shardctl"))
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LLVM_PROFILE_FILE"))
        .env("TERM", term)
        .args(arguments)
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
