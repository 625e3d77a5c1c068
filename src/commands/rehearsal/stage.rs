//! A stage: the rehearsal cluster in virtual time, on a thread and a runtime of its own, and whoever performs on it.
//!
//! An operation can't tell it from a real cluster: it gets a connection, a permit, somewhere to send its events and a Ctrl-C that
//! nobody presses. What it waits for costs nothing.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::clock;
use crate::cluster::connect::Connection;
use crate::cluster::permit::Permit;
use crate::commands::confirm;
use crate::error::{Error, Result};
use crate::event::{Event, Fact};
use crate::model::outcome::Outcome;
use crate::operations::emit::Emitter;
use crate::operations::run::Stop;
use crate::sim::controllers::Pace;
use crate::sim::plane::Plane;
use crate::sim::transport::{Cluster, Line};

/// How long an operation may say nothing, in virtual time, before it is taken to wait for ever.
pub const PATIENCE: Duration = Duration::from_secs(2 * 3600);

/// Twice as much stack as a process's first thread has, on which operations run otherwise: here whoever plays them is below them.
const STACK: usize = 16 * 1024 * 1024;

/// A stage with its cluster, in time.
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// How long an operation may say nothing before it is taken to wait for ever.
    pub patience: Duration,
    namespace: String,
    pressed: watch::Sender<u32>,
}

/// What an operation is given.
pub struct Actor {
    /// The way to the cluster: a client of its own.
    pub connection: Connection,
    /// That it may change it.
    pub permit: Permit,
    /// Where its events go.
    pub events: Emitter,
    /// How often Ctrl-C was pressed.
    pub stop: Stop,
}

/// What came of an operation.
#[derive(Debug)]
pub struct Performed {
    /// What it said, in the cluster's time; the end last, where there was one.
    pub events: Vec<Event>,
    /// How it ended.
    pub ending: Ending,
    /// How long it took, in virtual time.
    pub took: Duration,
}

/// How an operation ended.
#[derive(Debug)]
pub enum Ending {
    /// By itself.
    Ended(Box<Outcome>),
    /// With an error, before it changed anything.
    Failed(Error),
    /// It was killed.
    Killed,
    /// It said nothing for so long that it would wait for ever.
    Waits,
}

impl Ending {
    /// The outcome, where it ended by itself.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Ending::Ended(outcome) => Some(outcome),
            Ending::Failed(_) | Ending::Killed | Ending::Waits => None,
        }
    }
}

impl Stage {
    /// Presses Ctrl-C once more.
    pub fn interrupt(&self) {
        self.pressed.send_modify(|pressed| *pressed += 1);
    }

    /// Runs an operation to its end.
    pub async fn perform<F>(&self, operation: impl FnOnce(Actor) -> F) -> Performed
    where
        F: Future<Output = Result<Outcome>>,
    {
        self.perform_until(std::future::pending(), operation).await
    }

    /// Runs an operation until it is killed: it is dropped where it is, and nothing that it left running reaches the cluster.
    pub async fn perform_until<F>(
        &self,
        killed: impl Future<Output = ()>,
        operation: impl FnOnce(Actor) -> F,
    ) -> Performed
    where
        F: Future<Output = Result<Outcome>>,
    {
        let began = Instant::now();
        let line = Line::default();
        let client = self.cluster.client_on(&line, &self.namespace);
        let connection = Connection::to_a_rehearsal(client, &self.namespace);
        let (events, mut from) = Emitter::channel(connection.api().server_time().clone());
        let mut said = Vec::new();
        let ending = match confirm::rehearsed(&connection) {
            Err(error) => Ending::Failed(error),
            Ok(permit) => {
                let operation = Box::pin(operation(Actor {
                    connection,
                    permit,
                    events: events.clone(),
                    stop: self.pressed.subscribe(),
                }));
                let silence = async {
                    while let Ok(event) = timeout(self.patience, from.recv()).await {
                        said.extend(event);
                    }
                };
                tokio::select! {
                    biased;
                    () = killed => Ending::Killed,
                    outcome = operation => match outcome {
                        Ok(outcome) => Ending::Ended(Box::new(outcome)),
                        Err(error) => Ending::Failed(error),
                    },
                    () = silence => Ending::Waits,
                }
            }
        };
        line.cut();
        if let Ending::Ended(outcome) = &ending {
            events.emit(Fact::Ended(outcome.clone()));
        }
        drop(events);
        while let Ok(event) = from.try_recv() {
            said.push(event);
        }
        Performed {
            events: said,
            ending,
            took: began.elapsed(),
        }
    }
}

/// Plays a script on a stage whose clock shows `epoch` when it begins; gives what came of it, and the cluster as it is then.
///
/// # Errors
/// A bug: no thread, or no runtime, could be made.
pub fn play<T: Send + 'static>(
    plane: Plane,
    epoch: Timestamp,
    namespace: &str,
    script: impl AsyncFnOnce(&mut Stage) -> T + Send + 'static,
) -> Result<(T, Plane)> {
    let (came, plane, ()) = play_made(move || Ok((plane, ())), epoch, namespace, script)?;
    Ok((came, plane))
}

/// As [`play`], with a cluster that is made there: what it is made of isn't needed while it is played, and what was put between it
/// in memory wouldn't be given back. What else the making gives is handed on.
///
/// # Errors
/// Those of the making; as [`play`].
pub fn play_made<T: Send + 'static, M: Send + 'static>(
    make: impl FnOnce() -> Result<(Plane, M)> + Send + 'static,
    epoch: Timestamp,
    namespace: &str,
    script: impl AsyncFnOnce(&mut Stage) -> T + Send + 'static,
) -> Result<(T, Plane, M)> {
    let namespace = namespace.to_owned();
    let body = move || {
        let (plane, made) = make()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| Error::bug("failed to start the rehearsal's runtime").because(error))?;
        let played = runtime.block_on(async move {
            let _time = clock::rehearse(epoch);
            let cluster = Cluster::new(plane, epoch);
            let timeline = tokio::spawn(cluster.clone().keep_time());
            let mut stage = Stage {
                cluster,
                patience: PATIENCE,
                namespace,
                pressed: watch::Sender::new(0),
            };
            let came = script(&mut stage).await;
            timeline.abort();
            let plane = stage
                .cluster
                .with(|plane, _| std::mem::replace(plane, Plane::new(Pace::default())));
            (came, plane)
        });
        Ok((played.0, played.1, made))
    };
    let thread = std::thread::Builder::new()
        .name("rehearsal".to_owned())
        .stack_size(STACK)
        .spawn(body);
    let thread = thread.map_err(|error| Error::bug("failed to start the rehearsal's thread").because(error))?;
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
