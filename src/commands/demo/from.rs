//! `--from demo`: a command that only reads, on the demo's cluster: the same code as for any cluster, and no network.

use std::net::{IpAddr, SocketAddr};

use tokio::sync::watch;

use super::cluster::{NAMESPACE, Standing, standing};
use crate::cli::{Cli, Command};
use crate::commands::rehearsal::stage::{Stage, play};
use crate::commands::run_within;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;

/// Runs a command line on a cluster of its own, in which the reference workload stands; its time costs nothing.
///
/// # Errors
/// A flag that leads out of it; a bug: the cluster doesn't come up, or doesn't serve what was asked.
pub async fn run(cli: Cli, stop: watch::Receiver<u32>) -> Result<ExitCode> {
    refuse_what_leads_elsewhere(&cli)?;
    let Standing { plane, at } = standing().await?;
    let words = std::env::args().collect();
    let script = async move |stage: &mut Stage| {
        let client = stage.cluster.client(NAMESPACE);
        run_within(cli, words, client, stop).await
    };
    let played = tokio::task::spawn_blocking(move || play(plane, at, NAMESPACE, script)).await;
    let (code, plane) = played.map_err(|error| Error::bug(format!("the demo's cluster ended: {error}")))??;
    match plane.strays.first() {
        Some(stray) => Err(Error::bug(format!("the demo's cluster doesn't serve {stray}"))),
        None => Ok(code),
    }
}

/// Whoever names another cluster, or a server outside, should know that nobody is asked there.
fn refuse_what_leads_elsewhere(cli: &Cli) -> Result<()> {
    let global = &cli.global;
    let given = [
        ("--kubeconfig", global.kubeconfig.is_some()),
        ("--context", global.context.is_some()),
        ("--as", global.as_user.is_some()),
        ("--request-timeout", global.request_timeout.is_some()),
        ("--config", global.config.is_some()),
    ];
    if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
        return Err(Error::usage(format!(
            "{flag} has no meaning with --from demo: that cluster is inside this process"
        ))
        .hint(format!(
            "leave {flag} out; or leave out --from, to look at a cluster of yours"
        )));
    }
    let names = match &cli.command {
        Command::Verify(arguments) => arguments.names.dns.as_deref(),
        Command::Snapshot(arguments) => arguments.names.dns.as_deref(),
        _ => None,
    };
    let is_outside =
        |mode: &str| mode == "system" || mode.parse::<IpAddr>().is_ok() || mode.parse::<SocketAddr>().is_ok();
    if let Some(mode) = names.filter(|mode| is_outside(mode)) {
        return Err(Error::usage(format!(
            "`{mode}` (--dns) knows no name of the demo's cluster, which is inside this process"
        ))
        .hint("leave it out, or ask the cluster's own name servers: --dns port-forward"));
    }
    match &cli.command {
        Command::PackingSummary(arguments) if arguments.prices.refresh_prices => Err(Error::usage(
            "--refresh-prices asks the network for prices, and --from demo asks nothing of it",
        )
        .hint(
            "leave it out: the demo's cluster is reckoned with the prices that are built in, the same for everybody",
        )),
        _ => Ok(()),
    }
}
