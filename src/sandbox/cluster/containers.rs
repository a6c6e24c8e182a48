//! Logs and commands of containers, as the API server asks the kubelets for them.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use super::api::{Attached, Containers, ExecAnswer, ExecRequest, LogOptions, LogStream, Status, Usage};
use super::controllers::Controllers;
use super::kubelet::{Run, answers, usage};
use super::lock;
use super::object::{self, resources};
use super::store::Watch;
use crate::clock::Clock;

/// The kubelets of a cluster. They end with its controllers.
pub struct Kubelets {
    /// Who plays the containers.
    pub controllers: Weak<Mutex<Controllers>>,
    /// The session's clock.
    pub clock: Clock,
}

fn gone() -> Status {
    Status::new(500, "InternalError", "the cluster is shutting down")
}

impl Containers for Kubelets {
    fn log(&self, pod: &Value, container: &str, options: &LogOptions) -> Result<LogStream, Status> {
        let controllers = self.controllers.upgrade().ok_or_else(gone)?;
        let (run, changes) = {
            let controllers = lock(&controllers);
            let runtime = controllers.nodes.pod(object::uid(pod)).cloned();
            let run = answers::logged_run(pod, runtime.as_deref(), container, options.previous);
            let run = run.map_err(Status::bad_request)?.clone();
            let changes = controllers.control.store.watch(Some(resources::PODS), None).ok();
            (run, changes)
        };
        let reader = Reader {
            controllers: Arc::downgrade(&controllers),
            clock: self.clock.clone(),
            pod: pod.clone(),
            container: container.to_owned(),
            run,
            options: options.clone(),
            changes,
            sent: None,
            left: options.limit_bytes,
        };
        Ok(Box::pin(futures::stream::unfold(reader, |mut reader| async move {
            let bytes = reader.next().await?;
            Some((bytes, reader))
        })))
    }

    fn container_usage(&self, pod: &Value, container: &Value) -> Option<Usage> {
        let controllers = self.controllers.upgrade()?;
        let controllers = lock(&controllers);
        let mut control = controllers.control.clone();
        control.now = self.clock.now();
        usage(&control, &controllers.nodes, pod, container)
    }

    fn node_usage(&self, node: &str) -> Option<Usage> {
        let controllers = self.controllers.upgrade()?;
        let controllers = lock(&controllers);
        let seeds = &controllers.control.seed.nodes;
        // A machine of the account's is as busy with itself as those of the scenario.
        seeds.iter().find(|seed| seed.name == node).or_else(|| seeds.first())?.usage
    }

    fn attach(&self, pod: &Value, container: &str, stdin: Option<Vec<u8>>) -> Result<Attached, Status> {
        let failed = |message| Status::new(500, "InternalError", message);
        let attach = |input: Option<&str>| {
            let controllers = self.controllers.upgrade().ok_or_else(gone)?;
            let mut controllers = lock(&controllers);
            let mut control = controllers.control.clone();
            control.now = self.clock.now();
            let nodes = &mut controllers.nodes;
            let answer = answers::attach(&control, nodes, pod, container, input).map_err(failed)?;
            let run = nodes.pod(object::uid(pod)).and_then(|runtime| runtime.containers.get(container)?.run());
            let ends = run.is_none_or(|run| run.planned.is_some() || run.end.is_some());
            Ok::<_, Status>((answer, ends))
        };
        let (_, ends) = attach(None)?;
        let printed = self.log(pod, container, &LogOptions { follow: true, ..LogOptions::default() })?;
        let Some(input) = stdin.filter(|_| !ends) else { return Ok(Attached::Prints(printed)) };
        let (answer, ended) = attach(Some(&String::from_utf8_lossy(&input)))?;
        Ok(match ended {
            true => Attached::Ended(ExecAnswer {
                stdout: answer.stdout.into_bytes(),
                stderr: answer.stderr.into_bytes(),
                exit_code: answer.code,
            }),
            false => Attached::Prints(printed),
        })
    }

    fn exec<'a>(
        &'a self,
        pod: &'a Value,
        container: &'a str,
        request: ExecRequest,
    ) -> BoxFuture<'a, Result<ExecAnswer, Status>> {
        let answer = || {
            let controllers = self.controllers.upgrade().ok_or_else(gone)?;
            let mut controllers = lock(&controllers);
            let mut control = controllers.control.clone();
            control.now = self.clock.now();
            let nodes = &mut controllers.nodes;
            let input = request.stdin.as_deref().unwrap_or_default();
            let answer = answers::exec(&control, nodes, pod, container, &request.command, input);
            answer.map_err(|message| Status::new(500, "InternalError", message))
        };
        let answer = answer();
        async move {
            let answer = answer?;
            if !answer.took.is_zero() {
                // Whoever ends the session does not wait for it.
                let _ = self.clock.sleep(answer.took).await;
            }
            let (mut stdout, mut stderr) = (answer.stdout.into_bytes(), answer.stderr.into_bytes());
            if request.tty {
                stdout.append(&mut stderr);
            }
            Ok(ExecAnswer { stdout, stderr, exit_code: answer.code })
        }
        .boxed()
    }
}

/// What has been printed by now, whether more may come, and when.
type Look = (Vec<(Timestamp, String)>, bool, Option<Timestamp>);

/// One reader of a log.
struct Reader {
    controllers: Weak<Mutex<Controllers>>,
    clock: Clock,
    pod: Value,
    container: String,
    run: Run,
    options: LogOptions,
    changes: Option<Watch>,
    /// How many lines were given out; `None` before the first time.
    sent: Option<usize>,
    left: Option<u64>,
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let (lines, more, next) = self.look()?;
            let first = self.sent.is_none();
            let from = self.sent.unwrap_or_else(|| self.begin(&lines));
            self.sent = Some(lines.len());
            let text: String = lines[from.min(lines.len())..].iter().map(|line| self.written(line)).collect();
            if !text.is_empty() {
                return self.cut(text);
            }
            if !more || !self.options.follow || self.left == Some(0) {
                return None;
            }
            if first {
                continue;
            }
            let wait = next.map(|at| at.duration_since(self.clock.now()).unsigned_abs());
            let due = async {
                match wait {
                    Some(wait) => drop(self.clock.sleep(wait.max(Duration::from_millis(1))).await),
                    None => std::future::pending().await,
                }
            };
            let changed = async {
                match &mut self.changes {
                    Some(changes) => changes.next().await.is_some(),
                    None => std::future::pending().await,
                }
            };
            let ended = tokio::select! {
                () = due => false,
                changed = changed => !changed,
            };
            if ended {
                return None;
            }
        }
    }

    /// What has been printed by now, whether more may come, and when.
    fn look(&mut self) -> Option<Look> {
        let controllers = self.controllers.upgrade()?;
        let controllers = lock(&controllers);
        let now = self.clock.now();
        let runtime = controllers.nodes.pod(object::uid(&self.pod));
        let present = runtime.and_then(|runtime| runtime.run(&self.container, &self.run.id));
        let alive = present.is_some();
        if let Some(present) = present {
            self.run = present.clone();
        }
        let (lines, more) = answers::lines(&controllers.control, &self.pod, &self.container, &self.run, now);
        let next = answers::next_line(&controllers.control, &self.pod, &self.container, &self.run, now);
        Some((lines, more && alive, next))
    }

    /// The first line that was asked for.
    fn begin(&self, lines: &[(Timestamp, String)]) -> usize {
        let now = self.clock.now();
        let since = self.options.since.and_then(|span| {
            let span = jiff::SignedDuration::try_from(span).ok()?;
            now.saturating_sub(span).ok()
        });
        let oldest = since.into_iter().chain(self.options.since_time).max();
        let by_time = oldest.map_or(0, |oldest| lines.partition_point(|(at, _)| *at < oldest));
        let tail = self.options.tail_lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX));
        by_time.max(tail.map_or(0, |tail| lines.len().saturating_sub(tail)))
    }

    fn written(&self, (at, line): &(Timestamp, String)) -> String {
        if self.options.timestamps {
            format!("{} {line}\n", at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ"))
        } else {
            format!("{line}\n")
        }
    }

    fn cut(&mut self, text: String) -> Option<Bytes> {
        let mut bytes = text.into_bytes();
        if let Some(left) = &mut self.left {
            bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= bytes.len() as u64;
        }
        (!bytes.is_empty()).then(|| bytes.into())
    }
}
