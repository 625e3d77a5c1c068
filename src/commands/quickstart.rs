//! `shardctl quickstart`: the state of both phases, then a menu; each entry shows the command that it runs, and runs exactly that, as a
//! child that has the terminal. Nothing is changed but by those commands, which ask by themselves.

mod child;
mod choose;
mod entries;

use std::io::{self, ErrorKind as IoErrorKind, IsTerminal};

use child::Signals;
use choose::{Answer, Item, choose, go_on};
use entries::{Choice, Entry, Part, Question, shown};

use super::again::{base, flags, line};
use super::connection::{open_in, policy};
use super::output::{complain, print};
use super::progress::Spinner;
use super::terminal::Terminal;
use super::{Context, typed, workload};
use crate::cli::Quickstart;
use crate::cluster::everywhere::stateful_sets;
use crate::error::{Error, ErrorKind, Result};
use crate::exit_code::ExitCode;
use crate::model::phases::Phases;
use crate::model::workload::Workload;
use crate::operations::observe::{derive, survey};
use crate::plan::phases::{judge, set_names};
use crate::report::page::Page;
use crate::report::style::{Style, Tone, is_dumb};
use crate::report::{errors, phases, untrusted};

/// The answer that is typed.
const ANOTHER: &str = "another, typed";

/// The menu while it runs.
struct Menu<'a> {
    context: &'a Context,
    workload: Workload,
    plain: bool,
    terminal: Terminal,
    signals: Signals,
}

/// What became of a command line that had to be completed.
enum Filled {
    /// It is whole.
    Words(Vec<String>),
    /// Somebody thought better of it.
    Back,
    /// Somebody left.
    End,
}

/// Runs it until somebody leaves.
///
/// # Errors
/// Without a terminal and without `--plain`; where the cluster can't be reached at the beginning.
pub async fn run(context: &Context, arguments: &Quickstart) -> Result<ExitCode> {
    if !(arguments.plain || io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(no_terminal(context));
    }
    let plain = arguments.plain || is_dumb();
    let mut menu = Menu {
        context,
        workload: workload::parameters(context)?,
        plain,
        terminal: Terminal::found(plain),
        signals: Signals::listen()?,
    };
    let mut found = menu.look().await?;
    menu.show(&found)?;
    loop {
        let lines = Entry::ALL.map(|entry| entry.line(context, &found, plain));
        let why_not = Entry::ALL.map(|entry| entry.why_not(context, &menu.workload));
        let items = Entry::ALL.iter().zip(&lines).zip(&why_not);
        let items = items.map(|((entry, line), why)| match why {
            Some((short, _)) => closed(*entry, short),
            None => item(*entry, line),
        });
        let chosen = match menu.choose("What next?", items.collect(), "ends").await? {
            Answer::Chosen(at) => at,
            Answer::Back | Answer::End => return Ok(ExitCode::Done),
        };
        if let Some((_, why)) = &why_not[chosen] {
            menu.say(why);
            continue;
        }
        let words = match menu.fill(&lines[chosen], &found).await? {
            Filled::Words(words) => words,
            Filled::Back => continue,
            Filled::End => return Ok(ExitCode::Done),
        };
        menu.run(&words).await?;
        if menu.go_on().await? == Answer::End {
            return Ok(ExitCode::Done);
        }
        match menu.look().await {
            Ok(now) => {
                found = now;
                menu.show(&found)?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            // What helps then is in the menu.
            Err(error) => complain(&errors::render(&error, menu.stderr(), context.global.verbose)),
        }
    }
}

/// An entry as a line of the menu.
fn item(entry: Entry, line: &[Part]) -> Item {
    let command = shown(line);
    Item {
        row: format!("{:<12}{command}", entry.name()),
        detail: vec![format!("{}: {}", entry.name(), entry.what()), format!("$ {command}")],
    }
}

/// An entry that can't be had as things were said.
fn closed(entry: Entry, why: &str) -> Item {
    Item {
        row: format!("{:<12}{why}", entry.name()),
        detail: vec![format!("{}: {}", entry.name(), entry.what()), why.to_owned()],
    }
}

/// The error where there is nobody to choose.
fn no_terminal(context: &Context) -> Error {
    let base = base(context);
    Error::usage("a menu takes a terminal, and this is none")
        .hint("with its answers on standard input, a line each:")
        .hint(format!("$ {base} quickstart --plain"))
        .hint("or without a menu:")
        .hint(format!("$ {base} deploy explore"))
        .hint(format!("$ {base} verify"))
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted; no command is under way")
}

impl Menu<'_> {
    fn stdout(&self) -> Style {
        if self.plain {
            Style::PLAIN
        } else {
            self.context.stdout()
        }
    }

    fn stderr(&self) -> Style {
        if self.plain {
            Style::PLAIN
        } else {
            self.context.stderr()
        }
    }

    /// How both phases stand now.
    async fn look(&mut self) -> Result<Phases> {
        let names = match self.context.settings.word("statefulset") {
            Some(named) => vec![named.to_owned()],
            None => set_names(&self.workload),
        };
        let policy = policy(self.context, &[])?;
        let look = async {
            let _spinner = (!self.plain).then(|| Spinner::start(self.context, "looking at both phases"));
            let connection = open_in(self.context, Some(&self.workload.namespace)).await?;
            derive(&survey(&connection, &names).await?)
        };
        let snapshot = tokio::select! {
            biased;
            () = self.signals.any() => return Err(interrupted()),
            snapshot = look => snapshot?,
        };
        let wanted = names.first().map(String::as_str).unwrap_or_default();
        Ok(judge(&snapshot, &self.workload, wanted, &policy))
    }

    fn show(&self, found: &Phases) -> Result<()> {
        print(&format!("\n{}\n", phases::render(found, self.stdout())))
    }

    /// Says why something can't be had.
    fn say(&self, why: &str) {
        let mut page = Page::new(self.stderr());
        page.line(Tone::Warn, 0, 2, why);
        page.blank();
        complain(&page.into_text());
    }

    /// Waits for an answer beside the runtime, so that a signal ends it.
    async fn ask<T: Send + 'static>(
        &mut self,
        ask: impl FnOnce() -> io::Result<T> + Send + 'static,
        at_the_end: T,
    ) -> Result<T> {
        let answer = tokio::select! {
            biased;
            () = self.signals.any() => return Err(interrupted()),
            answer = tokio::task::spawn_blocking(ask) => answer,
        };
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.kind() == IoErrorKind::Interrupted => Err(interrupted()),
            Ok(Err(error)) if error.kind() == IoErrorKind::UnexpectedEof => Ok(at_the_end),
            Ok(Err(error)) => {
                Err(Error::new(ErrorKind::Output, format!("failed to ask on this terminal: {error}")).because(error))
            }
            Err(error) => Err(Error::bug("failed to ask").because(error)),
        }
    }

    async fn choose(&mut self, question: &str, items: Vec<Item>, leaving: &'static str) -> Result<Answer> {
        let (question, style, plain) = (question.to_owned(), self.stderr(), self.plain);
        self.ask(move || choose(&question, &items, leaving, style, plain), Answer::End)
            .await
    }

    /// Leaves the end of a command on the screen until it is read; numbered lines don't push it away.
    async fn go_on(&mut self) -> Result<Answer> {
        if self.plain {
            return Ok(Answer::Back);
        }
        let style = self.stderr();
        self.ask(move || go_on(style), Answer::End).await
    }

    /// Asks for what the command line lacks.
    async fn fill(&mut self, line: &[Part], found: &Phases) -> Result<Filled> {
        let mut words = Vec::new();
        for part in line {
            let question = match part {
                Part::Said(said) => {
                    words.extend(said.iter().cloned());
                    continue;
                }
                Part::Asked(question) => *question,
            };
            let choices = match question {
                Question::Set | Question::Name | Question::Namespace => match self.sets(question).await {
                    Ok(choices) => choices,
                    Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                    Err(error) => {
                        let words = errors::render(&error, self.stderr(), self.context.global.verbose);
                        complain(&format!("{words}\n"));
                        return Ok(Filled::Back);
                    }
                },
                question => question.choices(found),
            };
            if choices.is_empty() && question != Question::Size {
                self.say(&question.why_none(found));
                return Ok(Filled::Back);
            }
            match self.answer(question, choices).await? {
                Filled::Words(more) => words.extend(more),
                other => return Ok(other),
            }
        }
        Ok(Filled::Words(words))
    }

    /// The answer to one question.
    async fn answer(&mut self, question: Question, choices: Vec<Choice>) -> Result<Filled> {
        let mut items: Vec<Item> = choices.iter().map(|choice| Item::of(&choice.label)).collect();
        if question == Question::Size {
            items.push(Item::of(ANOTHER));
        }
        let at = match self.choose(question.words(), items, "goes back").await? {
            Answer::Chosen(at) => at,
            Answer::Back => return Ok(Filled::Back),
            Answer::End => return Ok(Filled::End),
        };
        if let Some(choice) = choices.into_iter().nth(at) {
            return Ok(Filled::Words(choice.words));
        }
        let ask = || typed::line("The size, as in Standard_E16s_v5; nothing goes back: ");
        Ok(match self.ask(ask, None).await? {
            None => Filled::End,
            Some(typed) if typed.trim().is_empty() => Filled::Back,
            Some(typed) => Filled::Words(vec![typed.trim().to_owned()]),
        })
    }

    /// The sets that there are, in the namespace that was named, or in all.
    async fn sets(&mut self, question: Question) -> Result<Vec<Choice>> {
        let said = flags(self.context);
        let named = self.context.settings.word("namespace");
        let look = async {
            let connection = open_in(self.context, named).await?;
            let what = match named {
                Some(named) => format!("list the StatefulSets of namespace {named}"),
                None => "list the StatefulSets of all namespaces".to_owned(),
            };
            stateful_sets(connection.api(), named)
                .await
                .map_err(|failure| failure.into_error(&what, connection.api().endpoint()))
        };
        let sets = tokio::select! {
            biased;
            () = self.signals.any() => return Err(interrupted()),
            sets = look => sets?,
        };
        let choice = |(namespace, set): (String, String)| {
            let label = format!("{namespace}/{set}");
            let names = [("--namespace", namespace), ("--statefulset", set)];
            let missing = names
                .into_iter()
                .filter(|(flag, _)| !said.iter().any(|word| word == flag));
            Choice {
                label,
                words: missing.flat_map(|(flag, value)| [flag.to_owned(), value]).collect(),
            }
        };
        let wanted = self.context.settings.word("statefulset");
        let counts = |set: &str| question != Question::Namespace || wanted.is_none_or(|wanted| wanted == set);
        let sets = sets.into_iter().filter(|(_, set)| counts(set));
        Ok(sets.map(choice).collect())
    }

    /// Runs a command line, and says how it ended.
    async fn run(&mut self, words: &[String]) -> Result<()> {
        let style = self.stderr();
        let command = line(words);
        let said = format!("$ {}", untrusted::visible(&command));
        complain(&format!("{}\n", style.paint(Tone::Command, &said)));
        let ended = child::run(words, self.plain, &mut self.signals).await;
        self.terminal.restore();
        let (tone, end) = child::end(ended?);
        let name = words.first().map(String::as_str).unwrap_or_default();
        let mut page = Page::new(style);
        page.blank();
        page.line(tone, 0, 2, &format!("{name} {end}"));
        complain(&page.into_text());
        Ok(())
    }
}
