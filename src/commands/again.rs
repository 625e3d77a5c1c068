//! The command lines that the end of an operation names: the same again, how to go on, how to go back.

use clap::{Arg, Command, CommandFactory as _};

use crate::cli::Cli;
use crate::commands::Context;
use crate::model::shell::shell_word;
use crate::plan::drain::run as drain;
use crate::plan::upgrade::Again;

/// Flags of `upgrade` with a value that a rerun must not repeat: the template is written by then.
const WRITTEN: [&str; 3] = ["--image", "--canary", "--to-revision"];

/// The same, after the template was put back: another undo would lead forward again, to the one that failed.
const AFTER_UNDO: [&str; 4] = ["--image", "--canary", "--to-revision", "--on-failure"];

/// Flags that may stand before `undo` and take no value.
const SWITCHES: [&str; 4] = ["-q", "--quiet", "-v", "--verbose"];

/// The command line that was started with `arguments` (the process's, its name first), as it was typed.
pub fn this_line(arguments: impl Iterator<Item = String>) -> String {
    line(&arguments.skip(1).collect::<Vec<_>>())
}

/// The command line that was started with `arguments` (the process's, its name first), for whoever runs it once more.
pub fn same(arguments: impl Iterator<Item = String>) -> String {
    line(&without_the_page(arguments.skip(1)))
}

/// The lines for an upgrade that was started with `arguments` (the process's, its name first).
pub fn of_upgrade(context: &Context, arguments: impl Iterator<Item = String>) -> Again {
    let arguments = without_the_page(arguments.skip(1));
    Again {
        same: line(&arguments),
        resume: line(&without_the_template(&arguments, &WRITTEN)),
        after_undo: line(&without_the_template(&arguments, &AFTER_UNDO)),
        undo: format!("{} upgrade undo", base(context)),
        status: format!("{} upgrade status", base(context)),
    }
}

/// The lines for a drain that was started with `arguments` (the process's, its name first).
pub fn of_drain(context: &Context, arguments: impl Iterator<Item = String>) -> drain::Again {
    let arguments = without_the_page(arguments.skip(1));
    drain::Again {
        same: line(&arguments),
        without_nodes: line(&without_the_nodes(&arguments)),
        uncordon: format!("{} uncordon", base(context)),
        recover: format!("{} recover", base(context)),
    }
}

/// The line of a `packing-summary` that was started with `arguments` (the process's, its name first), but for the form of its
/// result.
pub fn of_packing(arguments: impl Iterator<Item = String>) -> String {
    let arguments: Vec<String> = arguments.skip(1).collect();
    line(&without_flags(&arguments, "packing-summary", &["output", "table"]))
}

/// The words of this process's command line, its name first. Of one that is no UTF-8, a path, what can be written stays.
pub fn words() -> impl Iterator<Item = String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned())
}

/// The words of a command line but for what makes it a rehearsal.
pub fn without_rehearsing(arguments: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let mut kept = Vec::new();
    let mut arguments = arguments.peekable();
    while let Some(word) = arguments.next() {
        if word == "--from" {
            arguments.next();
        } else if word != "--rehearse" && !word.starts_with("--from=") {
            kept.push(word);
        }
    }
    kept.into_iter()
}

/// The command line of the real run of what was rehearsed with `arguments` (the process's, its name first); `beyond` are flags that
/// it needs besides.
pub fn for_real(arguments: impl Iterator<Item = String>, beyond: &[String]) -> String {
    let rest = without_rehearsing(arguments).skip(1);
    let arguments: Vec<String> = beyond.iter().cloned().chain(rest).collect();
    line(&arguments)
}

/// The lines for whoever only looks.
pub fn of_status(context: &Context) -> Again {
    let upgrade = format!("{} upgrade", base(context));
    Again {
        same: upgrade.clone(),
        undo: format!("{upgrade} undo"),
        status: format!("{upgrade} status"),
        after_undo: upgrade.clone(),
        resume: upgrade,
    }
}

/// The command line with these words.
pub fn line(arguments: &[String]) -> String {
    let words = arguments.iter().map(|word| shell_word(word));
    std::iter::once("shardctl".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// `shardctl` with the flags that say which cluster and set.
pub fn base(context: &Context) -> String {
    line(&flags(context))
}

/// The flags that say which cluster and set, as they were given.
pub fn flags(context: &Context) -> Vec<String> {
    let mut flags = Vec::new();
    for name in ["kubeconfig", "context", "as", "as-group", "namespace", "statefulset"] {
        // What the environment or a file says holds for the next command as well.
        let said = context.settings.said(name);
        if let Some(said) = said
            && matches!(said.origin, crate::config::Origin::Flag(_))
        {
            flags.extend(said.words.iter().flat_map(|word| [format!("--{name}"), word.clone()]));
        }
    }
    flags
}

/// The words but for `--report`: the run that is named next must not write its page over that of the run that names it.
fn without_the_page(mut arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    while let Some(word) = arguments.next() {
        if word == "--report" {
            arguments.next();
        } else if !word.starts_with("--report=") {
            kept.push(word);
        }
    }
    kept
}

fn without_the_template(arguments: &[String], dropped: &[&str]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        // `undo` may also be a flag's value: --on-failure undo.
        let takes_one =
            |last: &String| last.starts_with('-') && !last.contains('=') && !SWITCHES.contains(&last.as_str());
        let is_a_value = !word.starts_with('-') && kept.last().is_some_and(takes_one);
        if dropped.contains(&name) {
            if name == word {
                words.next();
            }
        } else if is_a_value || (word != "--restart" && word != "undo") {
            kept.push(word.clone());
        }
    }
    kept
}

/// The words of a `drain` but for what says which nodes.
fn without_the_nodes(arguments: &[String]) -> Vec<String> {
    let cli = Cli::command();
    let drain = cli.find_subcommand("drain");
    let flags: Vec<&Arg> = cli
        .get_arguments()
        .chain(drain.into_iter().flat_map(Command::get_arguments))
        .collect();
    let mut kept: Vec<String> = Vec::new();
    let mut words = arguments.iter();
    let mut named = false;
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if !word.starts_with('-') {
            // The first word that is no flag's is the command.
            if !named {
                kept.push(word.clone());
            }
            named = true;
            continue;
        }
        let (flag, apart) = flag_of(&flags, word);
        let value = if apart { words.next() } else { None };
        if flag.is_none_or(|flag| flag.get_id() != "selector") {
            kept.push(word.clone());
            kept.extend(value.cloned());
        }
    }
    kept
}

/// The words of a subcommand but for these flags and their values.
fn without_flags(arguments: &[String], subcommand: &str, dropped: &[&str]) -> Vec<String> {
    let cli = Cli::command();
    let of_subcommand = cli.find_subcommand(subcommand);
    let flags: Vec<&Arg> = cli
        .get_arguments()
        .chain(of_subcommand.into_iter().flat_map(Command::get_arguments))
        .collect();
    let mut kept = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (flag, apart) = match word.starts_with('-') {
            true => flag_of(&flags, word),
            false => (None, false),
        };
        let value = if apart { words.next() } else { None };
        if flag.is_none_or(|flag| !dropped.contains(&flag.get_id().as_str())) {
            kept.push(word.clone());
            kept.extend(value.cloned());
        }
    }
    kept
}

/// The flag that a word is, or the last of those that it is together (`-yl`), and whether its value is the next word.
fn flag_of<'a>(flags: &[&'a Arg], word: &str) -> (Option<&'a Arg>, bool) {
    let takes_one = |flag: &Arg| flag.get_action().takes_values() && !flag.is_require_equals_set();
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = long
            .split_once('=')
            .map_or((long, None), |(name, value)| (name, Some(value)));
        let flag = flags.iter().copied().find(|flag| flag.get_long() == Some(name));
        return (flag, value.is_none() && flag.is_some_and(takes_one));
    }
    let mut letters = word.chars().skip(1).peekable();
    let mut last = None;
    while let Some(letter) = letters.next() {
        last = flags.iter().copied().find(|flag| flag.get_short() == Some(letter));
        if last.is_some_and(takes_one) {
            return (last, letters.peek().is_none());
        }
    }
    (last, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rerun_leaves_out_what_is_written_by_then() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let after_undo = without_the_template(&words("upgrade --image r/db:2 --on-failure undo --last 0"), &AFTER_UNDO);
        assert_eq!(after_undo.join(" "), "upgrade --last 0");
        let resumed = |line: &str| without_the_template(&words(line), &WRITTEN).join(" ");
        assert_eq!(
            resumed("-n shop upgrade --image db=r/db:2 --last 0 --image=r/side:3 --yes"),
            "-n shop upgrade --last 0 --yes"
        );
        assert_eq!(resumed("upgrade --restart --gate verify"), "upgrade --gate verify");
        assert_eq!(
            resumed("upgrade --on-failure undo --image r/db:2 --before undo"),
            "upgrade --on-failure undo --before undo"
        );
        assert_eq!(
            resumed("upgrade -q undo --on-failure=undo"),
            "upgrade -q --on-failure=undo"
        );
        assert_eq!(
            resumed("upgrade undo --to-revision db-7c --canary=1 --pause 5s"),
            "upgrade --pause 5s"
        );
    }

    #[test]
    fn a_rerun_does_not_write_its_page_over_that_of_the_run_before() {
        let rest = |line: &str| without_the_page(line.split(' ').map(str::to_owned)).join(" ");
        assert_eq!(rest("drain node-1 --report a.html --yes"), "drain node-1 --yes");
        assert_eq!(rest("upgrade --report=a.html --restart"), "upgrade --restart");
    }

    #[test]
    fn another_form_of_the_packing_keeps_what_was_asked() {
        let rest = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            without_flags(&words, "packing-summary", &["output", "table"]).join(" ")
        };
        for (line, expected) in [
            ("packing-summary -o wide", "packing-summary"),
            (
                "-n shop packing-summary --memory 24Gi --output=csv --table sizes --discount=5%",
                "-n shop packing-summary --memory 24Gi --discount=5%",
            ),
            ("packing-summary -ojson --sizes a,b", "packing-summary --sizes a,b"),
        ] {
            assert_eq!(rest(line), expected, "{line}");
        }
    }

    #[test]
    fn a_drain_goes_on_with_the_nodes_that_are_left() {
        let rest = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            without_the_nodes(&words).join(" ")
        };
        for (line, expected) in [
            ("drain node-1 node-2", "drain"),
            (
                "-n shop drain node-1 --strategy surge node-2",
                "-n shop drain --strategy surge",
            ),
            ("drain -l pool=old --yes", "drain --yes"),
            ("drain --selector=pool=old --last 0,1", "drain --last 0,1"),
            ("drain -lpool=old -y", "drain -y"),
            (
                "drain node-1 --force --ignore-daemonsets=false --before node-1",
                "drain --force --ignore-daemonsets=false --before node-1",
            ),
            ("-q maintenance-drain --yes -- node-1", "-q maintenance-drain --yes"),
        ] {
            assert_eq!(rest(line), expected, "{line}");
        }
    }
}
