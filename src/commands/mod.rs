//! One file a subcommand: arguments in, an operation and a reporter joined, an exit code out. The only place that joins rooms.

pub mod again;
pub mod change;
pub mod cleanup;
pub mod completions;
pub mod config;
pub mod confirm;
pub mod connection;
pub mod demo;
pub mod deploy;
pub mod drain;
pub mod drain_plan;
pub mod early;
pub mod events;
pub mod explain;
pub mod output;
pub mod packing_summary;
pub mod progress;
pub mod promote;
pub mod quickstart;
pub mod rbac;
pub mod recover;
pub mod redo;
pub mod rehearsal;
pub mod render;
pub mod report;
pub mod report_file;
pub mod route_arguments;
pub mod route_test;
pub mod runbooks;
pub mod show;
pub mod signals;
pub mod snapshot;
pub mod snapshot_file;
pub mod status;
pub mod terminal;
pub mod typed;
pub mod uncordon;
pub mod upgrade;
pub mod upgrade_status;
pub mod verify;
pub mod whole_file;
pub mod workload;

use futures::FutureExt as _;
use futures::future::{LocalBoxFuture, ready};
use tokio::sync::watch;

use self::report_file::{Heard, ReportFile};
use crate::cli::{Cli, ColorWhen, Command, Config, Global, Source};
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::exit_code::ExitCode;
use crate::report::errors;
use crate::report::style::{Colour, Style};

/// What every command is given.
pub struct Context {
    /// The flags that every command has.
    pub global: Global,
    /// Flags, environment and file together.
    pub settings: Settings,
    /// When to colour.
    pub colour: Colour,
    /// What is told of a run, for its page.
    pub heard: Heard,
    /// The words of the command line, the program's name first.
    pub words: Vec<String>,
    /// The way to a cluster that lives in this process, where the command is to work on that one and on no other.
    pub within: Option<kube::Client>,
}

impl Context {
    /// That of a command line which no environment and no file configures; `words` are its own, `within` the way to the cluster that
    /// it works on.
    pub fn apart(cli: &Cli, words: Vec<String>, within: Option<kube::Client>) -> Context {
        let settings = Settings::of_flags(&flags_of(cli));
        Context {
            colour: colour_of(&settings),
            global: cli.global.clone(),
            settings,
            heard: Heard::default(),
            words,
            within,
        }
    }

    /// The style of standard output.
    pub fn stdout(&self) -> Style {
        Style::of_stdout(self.colour)
    }

    /// The style of standard error.
    pub fn stderr(&self) -> Style {
        Style::of_stderr(self.colour)
    }

    /// The words of the command line, the program's name first.
    pub fn arguments(&self) -> impl Iterator<Item = String> + use<> {
        self.words.clone().into_iter()
    }
}

/// Runs a command line to its end; an error is printed here.
pub async fn run(cli: Cli) -> ExitCode {
    let verbose = cli.global.verbose;
    let mut colour = flag_colour(&cli.global);
    let outcome = dispatch(cli, &mut colour).await;
    told(outcome, colour.unwrap_or_default(), verbose)
}

async fn dispatch(cli: Cli, colour: &mut Option<Colour>) -> Result<ExitCode> {
    // Completions must work where the configuration is broken: a shell loads them at its start.
    if let Command::Completions { shell } = cli.command {
        return completions::run(shell);
    }
    // It has a cluster of its own, and must work whatever is configured.
    if let Command::Demo(arguments) = &cli.command {
        return demo::run(&cli.global, arguments, colour.unwrap_or_default(), signals::count()).await;
    }
    if cli.command.from() == Some(&Source::Demo) {
        return demo::from::run(cli, signals::count()).await;
    }
    let flags = flags_of(&cli);
    let Cli { global, command } = cli;
    let settings = Settings::gather(&flags, global.config.as_deref())?;
    let chosen = colour_of(&settings);
    *colour = Some(chosen);
    let report = ReportFile::at(command.report())?;
    let context = Context {
        global,
        settings,
        colour: chosen,
        heard: report.heard(),
        words: again::words().collect(),
        within: None,
    };
    // Its children have the terminal, and Ctrl-C with it.
    if let Command::Quickstart(arguments) = &command {
        return quickstart::run(&context, arguments).await;
    }
    let outcome = carry_out(&context, command, signals::count()).await;
    report.finish(outcome, context.global.quiet, context.stderr())
}

/// Runs a command line on a cluster that lives in this process, and on no other; an error is printed here. `words` are the line's.
pub(in crate::commands) async fn run_within(
    cli: Cli,
    words: Vec<String>,
    client: kube::Client,
    stop: watch::Receiver<u32>,
) -> ExitCode {
    let context = Context::apart(&cli, words, Some(client));
    let outcome = carry_out(&context, cli.command, stop).await;
    told(outcome, context.colour, context.global.verbose)
}

/// The code of what came of a command line; an error is printed.
fn told(outcome: Result<ExitCode>, colour: Colour, verbose: bool) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        output::complain(&errors::render(&error, Style::of_stderr(colour), verbose));
        error.exit_code()
    })
}

async fn carry_out(context: &Context, command: Command, mut stop: watch::Receiver<u32>) -> Result<ExitCode> {
    if let Some(running) = change(context, &command, stop.clone()) {
        return running.await;
    }
    // What only reads is simply dropped: there is nothing to put back.
    tokio::select! {
        biased;
        _ = stop.wait_for(|pressed| *pressed > 0) => Err(Error::new(ErrorKind::Interrupted, "interrupted; nothing was changed")),
        outcome = read(context, &command) => outcome,
    }
}

/// The flags that are keys of the configuration.
fn flags_of(cli: &Cli) -> Vec<(&'static str, Vec<String>)> {
    let mut flags = global_flags(&cli.global);
    flags.extend(match &cli.command {
        Command::Verify(arguments) => verify::flags(arguments),
        Command::Status(arguments) => vec![("expect", words(arguments.expect.as_ref()))],
        Command::Upgrade(arguments) => vec![("expect", words(arguments.expect().as_ref()))],
        Command::Drain(arguments) => vec![("expect", words(arguments.pace.expect.as_ref()))],
        Command::RouteTest(arguments) => route_arguments::flags(&arguments.test),
        Command::Snapshot(arguments) => names_flags(&arguments.names),
        Command::Render(arguments) => workload::flags(&arguments.workload),
        Command::Deploy(arguments) => workload::flags(&arguments.workload),
        Command::Cleanup(arguments) => workload::flags(&arguments.workload),
        Command::Promote(arguments) => {
            let mut flags = workload::flags(&arguments.workload);
            flags.push(("expect", words(arguments.pace.expect.as_ref())));
            flags
        }
        Command::Quickstart(arguments) => workload::flags(&arguments.workload),
        _ => Vec::new(),
    });
    flags
}

/// A command on its way. In a box, and made by a function that has returned by then: a build without optimization would keep room
/// on the stack for every command together.
type Running<'c> = LocalBoxFuture<'c, Result<ExitCode>>;

/// The commands that change something; none for one that only looks.
fn change<'c>(context: &'c Context, command: &'c Command, stop: watch::Receiver<u32>) -> Option<Running<'c>> {
    Some(match command {
        Command::Upgrade(arguments) if arguments.changes_something() => {
            upgrade::run(context, arguments, stop).boxed_local()
        }
        Command::Drain(arguments) if arguments.changes_something() => {
            drain::run(context, arguments, stop).boxed_local()
        }
        Command::Deploy(arguments) if arguments.change.dry_run.is_none() => {
            deploy::run(context, arguments, stop).boxed_local()
        }
        Command::Promote(arguments) if arguments.changes_something() => {
            promote::run(context, arguments, stop).boxed_local()
        }
        Command::Cleanup(arguments) if arguments.change.dry_run.is_none() => {
            cleanup::run(context, arguments, stop).boxed_local()
        }
        Command::Recover(arguments) if arguments.changes_something() => {
            recover::run(context, arguments, stop).boxed_local()
        }
        Command::Uncordon(arguments) if arguments.dry_run.is_none() => {
            uncordon::run(context, arguments, stop).boxed_local()
        }
        // It makes a helper pod, which has to go again.
        Command::RouteTest(arguments) if arguments.probe_image.is_some() => {
            route_test::run(context, arguments, Some(stop)).boxed_local()
        }
        _ => return None,
    })
}

/// The commands that change nothing.
fn read<'c>(context: &'c Context, command: &'c Command) -> Running<'c> {
    match command {
        Command::Verify(arguments) => verify::run(context, arguments).boxed_local(),
        Command::Status(arguments) => status::run(context, arguments).boxed_local(),
        Command::Events(arguments) => events::run(context, arguments).boxed_local(),
        Command::RouteTest(arguments) => route_test::run(context, arguments, None).boxed_local(),
        Command::PackingSummary(arguments) => packing_summary::run(context, arguments).boxed_local(),
        Command::Snapshot(arguments) => snapshot::run(context, arguments).boxed_local(),
        Command::Render(arguments) => ready(render::run(context, arguments)).boxed_local(),
        Command::Explain(arguments) => ready(explain::run(context, arguments)).boxed_local(),
        Command::Config(Config::Show) => ready(config::show(context)).boxed_local(),
        Command::Rbac(arguments) => ready(rbac::run(context, arguments)).boxed_local(),
        Command::Completions { shell } => ready(completions::run(*shell)).boxed_local(),
        Command::Upgrade(arguments) => upgrade::look(context, arguments).boxed_local(),
        Command::Uncordon(arguments) => uncordon::look(context, arguments).boxed_local(),
        Command::Drain(arguments) => drain::look(context, arguments).boxed_local(),
        Command::Deploy(arguments) => deploy::look(context, arguments).boxed_local(),
        Command::Promote(arguments) => promote::look(context, arguments).boxed_local(),
        Command::Cleanup(arguments) => cleanup::look(context, arguments).boxed_local(),
        Command::Quickstart(arguments) => quickstart::run(context, arguments).boxed_local(),
        Command::Demo(arguments) => {
            demo::run(&context.global, arguments, context.colour, signals::count()).boxed_local()
        }
        Command::Recover(arguments) => recover::look(context, arguments).boxed_local(),
        Command::Report(arguments) => ready(report::run(context, arguments)).boxed_local(),
    }
}

fn colour_of(settings: &Settings) -> Colour {
    match settings.word("color") {
        Some("always") => Colour::Always,
        Some("never") => Colour::Never,
        _ => Colour::Auto,
    }
}

fn flag_colour(global: &Global) -> Option<Colour> {
    global.color.map(|when| match when {
        ColorWhen::Auto => Colour::Auto,
        ColorWhen::Always => Colour::Always,
        ColorWhen::Never => Colour::Never,
    })
}

fn global_flags(global: &Global) -> Vec<(&'static str, Vec<String>)> {
    let colour = flag_colour(global).map(|colour| match colour {
        Colour::Auto => "auto",
        Colour::Always => "always",
        Colour::Never => "never",
    });
    vec![
        (
            "kubeconfig",
            words(global.kubeconfig.as_ref().map(|path| path.display()).as_ref()),
        ),
        ("context", words(global.context.as_ref())),
        ("namespace", words(global.namespace.as_ref())),
        ("statefulset", words(global.statefulset.as_ref())),
        ("as", words(global.as_user.as_ref())),
        ("as-group", global.as_groups.clone()),
        ("request-timeout", words(global.request_timeout.as_ref())),
        ("color", words(colour.as_ref())),
    ]
}

/// The flags of [`crate::cli::Names`] as keys of the configuration.
pub fn names_flags(names: &crate::cli::Names) -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("dns", words(names.dns.as_ref())),
        ("dns-timeout", words(names.dns_timeout.as_ref())),
        ("cluster-domain", words(names.cluster_domain.as_ref())),
    ]
}

/// A flag's value as the words of a key.
pub fn words<T: ToString>(value: Option<&T>) -> Vec<String> {
    value.map(ToString::to_string).into_iter().collect()
}
