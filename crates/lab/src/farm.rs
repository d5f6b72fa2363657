//! Several runs side by side: processes, each of which takes one run after another
//! to its end with a worker of its own.
//!
//! A process reads where its next run is from standard input, a line each, and
//! writes [`Message`]s to standard output, a line of JSON each. It is asked to stop
//! by the end of its input, so that it stops as well where whoever started it was
//! killed.

use crate::failure::{Exit, Failure};
use crate::stop::Stop;
use crossbeam::channel::{RecvTimeoutError, Sender, unbounded};
use record::schema::EvalRow;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::thread::{self, Scope};
use std::time::Duration;

/// Time between two looks whether somebody asked to stop.
const TICK: Duration = Duration::from_millis(50);

/// What a run in a process of its own says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "kebab-case")]
pub enum Message {
    /// Its training begins, or goes on.
    Training {
        /// What it is called.
        label: String,
        /// The seed of its run.
        seed: u64,
        /// Updates of the whole training.
        total: u64,
        /// Updates that were done before.
        done: u64,
        /// Environment steps that were done before.
        env_steps: u64,
    },
    /// More updates are done.
    Updated {
        /// Updates that are done.
        done: u64,
        /// Environment steps that are done.
        env_steps: u64,
    },
    /// The agent in training was tried on fresh tasks.
    Evaluated(EvalRow),
    /// It is compared with others on fresh tasks: who acts now.
    Comparing {
        /// The learner's name.
        learner: String,
    },
    /// A remark on the way.
    Note {
        /// The remark.
        text: String,
    },
    /// The run is finished, or why it is not; the next one may be sent.
    Ended {
        /// What ended it early.
        failure: Option<Failure>,
    },
}

/// What came of a process.
enum Heard {
    Message(Message),
    /// It wrote something else, be it to standard error.
    Said(String),
    /// It has ended, and all that it wrote was heard.
    Ended(io::Result<ExitStatus>),
}

/// Runs that are taken to their ends side by side.
pub struct Farm<'a, F, H> {
    /// Makes the command of a process, which begins no run by itself.
    pub command: F,
    /// How many processes there are at most.
    pub jobs: usize,
    /// Whether they are to stop.
    pub stop: &'a Stop,
    /// Hears of each run, by its place in the list of them.
    pub hear: H,
}

/// A process, and the run that it is at.
struct Worker {
    /// Closed to ask it to stop.
    input: Option<ChildStdin>,
    run: Option<usize>,
}

/// Where all runs stand, each by its place in the list of them.
struct Runs<'a> {
    lines: &'a [String],
    waiting: VecDeque<usize>,
    ends: Vec<Option<Result<(), Failure>>>,
    /// None where a process has ended.
    workers: Vec<Option<Worker>>,
}

impl<F: Fn() -> Command, H: FnMut(usize, Message)> Farm<'_, F, H> {
    /// Takes the runs that these lines tell of to their ends; what came of each.
    pub fn run(mut self, lines: &[String]) -> Vec<Result<(), Failure>> {
        let ends = thread::scope(|scope| {
            let (sender, receiver) = unbounded();
            // In here, so that processes whose input ends with it are not waited for.
            let mut runs = Runs {
                lines,
                waiting: (0..lines.len()).collect(),
                ends: lines.iter().map(|_| None).collect(),
                workers: Vec::new(),
            };
            loop {
                if self.stop.asked() {
                    runs.waiting.clear();
                    runs.workers.iter_mut().flatten().for_each(Worker::stop);
                }
                for _ in runs.workers.iter().flatten().count()..self.jobs {
                    let Some(run) = runs.waiting.pop_front() else {
                        break;
                    };
                    let input = self.begin(scope, runs.workers.len(), &sender);
                    runs.begin(run, input);
                }
                if runs.workers.iter().all(Option::is_none) {
                    return runs.ends;
                }
                match receiver.recv_timeout(TICK) {
                    Ok((index, heard)) => self.heard(&mut runs, index, heard),
                    Err(RecvTimeoutError::Timeout) => {}
                    // This thread holds a sender.
                    Err(RecvTimeoutError::Disconnected) => return runs.ends,
                }
            }
        });
        let stopped = || Err(Failure::stopped("stopped before it was begun"));
        ends.into_iter()
            .map(|end| end.unwrap_or_else(stopped))
            .collect()
    }

    /// Does what follows from what a process said.
    fn heard(&mut self, runs: &mut Runs<'_>, index: usize, heard: Heard) {
        let Some(worker) = runs.workers[index].as_mut() else {
            return;
        };
        match (heard, worker.run) {
            (Heard::Message(Message::Ended { failure }), at) => {
                // One that was asked to stop stops whatever it is given.
                let stopped = failure.as_ref().is_some_and(|f| f.exit == Exit::Stopped);
                if let Some(run) = at {
                    let end = failure.map_or(Ok(()), Err);
                    (self.hear)(run, Message::Ended { failure: None });
                    runs.ends[run] = Some(end);
                }
                worker.run = None;
                let next = (!stopped).then(|| runs.waiting.pop_front()).flatten();
                match next {
                    Some(run) => worker.take(run, &runs.lines[run]),
                    None => worker.stop(),
                }
            }
            (Heard::Message(message), Some(run)) => (self.hear)(run, message),
            (Heard::Said(text), Some(run)) if !text.trim().is_empty() => {
                (self.hear)(run, Message::Note { text });
            }
            (Heard::Ended(status), at) => {
                if let Some(run) = at {
                    runs.ends[run] = Some(Err(lost(status)));
                }
                runs.workers[index] = None;
            }
            (Heard::Said(_), _) | (Heard::Message(_), None) => {}
        }
    }

    /// Starts a process, and threads that hear what it says.
    fn begin<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        index: usize,
        sender: &Sender<(usize, Heard)>,
    ) -> io::Result<ChildStdin> {
        let mut command = (self.command)();
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C comes to this process alone, which passes it on.
            .process_group(0);
        let mut child = command.spawn()?;
        let piped = || io::Error::other("it has no pipes");
        let input = child.stdin.take().ok_or_else(piped)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(piped)?);
        let errors = BufReader::new(child.stderr.take().ok_or_else(piped)?);
        let (said, heard) = (sender.clone(), sender.clone());
        let errors = scope.spawn(move || {
            for line in errors.split(b'\n').map_while(Result::ok) {
                let text = String::from_utf8_lossy(&line).into_owned();
                // Nobody hears it once the farm has ended.
                let _ = said.send((index, Heard::Said(text)));
            }
        });
        scope.spawn(move || {
            for line in output.split(b'\n').map_while(Result::ok) {
                let message = serde_json::from_slice(&line);
                let said = || Heard::Said(String::from_utf8_lossy(&line).into_owned());
                let message = message.map_or_else(|_| said(), Heard::Message);
                let _ = heard.send((index, message));
            }
            let _ = errors.join();
            let _ = heard.send((index, Heard::Ended(child.wait())));
        });
        Ok(input)
    }
}

impl Runs<'_> {
    /// A process has been started for a run, or could not be.
    fn begin(&mut self, run: usize, input: io::Result<ChildStdin>) {
        match input {
            Ok(input) => {
                let mut worker = Worker {
                    input: Some(input),
                    run: None,
                };
                worker.take(run, &self.lines[run]);
                self.workers.push(Some(worker));
            }
            Err(error) => {
                let why = format!("cannot start a process for it: {error}");
                self.ends[run] = Some(Err(Failure::internal(why)));
            }
        }
    }
}

impl Worker {
    /// Has the process take a run to its end.
    fn take(&mut self, run: usize, line: &str) {
        self.run = Some(run);
        // One that does not read any more has ended, which is heard.
        let _ = self.input.as_mut().map(|input| writeln!(input, "{line}"));
    }

    /// Asks the process to save what it is at, and to end.
    fn stop(&mut self) {
        self.input = None;
    }
}

/// What is known of a run whose process has ended without a word.
fn lost(status: io::Result<ExitStatus>) -> Failure {
    let code = status.as_ref().ok().and_then(ExitStatus::code);
    let exit = match code {
        Some(2) => Exit::Usage,
        Some(70) => Exit::Internal,
        Some(74) => Exit::FullDisk,
        Some(78) => Exit::Config,
        _ => Exit::Stopped,
    };
    let how = match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    Failure::new(exit, format!("its process ended before it ({how})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    /// A process that does as the script says.
    fn shell(script: &str) -> impl Fn() -> Command {
        move || {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        }
    }

    fn farm(jobs: usize, script: &str, seeds: &[u64]) -> (Vec<Result<(), Failure>>, Vec<String>) {
        let mut heard = Vec::new();
        let hear = |run: usize, message| {
            if let Message::Note { text } = message {
                heard.push(format!("{run}: {text}"));
            }
        };
        let ends = Farm {
            command: shell(script),
            jobs,
            stop: &Stop::default(),
            hear,
        };
        let lines: Vec<String> = seeds.iter().map(u64::to_string).collect();
        let ends = ends.run(&lines);
        (ends, heard)
    }

    const ENDED: &str = r#"echo '{"says":"ended","failure":null}'"#;

    #[test]
    fn processes_take_one_run_after_another() {
        let script = format!("while read seed; do echo \"$seed by $$\"; {ENDED}; done");
        let (ends, mut heard) = farm(2, &script, &[7, 8, 9, 10, 11]);
        assert!(ends.iter().all(Result::is_ok), "{ends:?}");
        heard.sort();
        let seeds: Vec<&str> = heard.iter().map(|text| &text[..5]).collect();
        assert_eq!(seeds, ["0: 7 ", "1: 8 ", "2: 9 ", "3: 10", "4: 11"]);
        let mut processes: Vec<&str> = heard
            .iter()
            .filter_map(|text| text.rsplit(' ').next())
            .collect();
        processes.sort_unstable();
        processes.dedup();
        assert!(processes.len() <= 2, "{heard:?}");
    }

    #[test]
    fn a_process_that_is_lost_loses_its_own_run_alone() {
        let script = format!(
            "while read seed; do [ $seed = 1 ] && echo ouch >&2 && kill -9 $$; {ENDED}; done"
        );
        let (ends, heard) = farm(2, &script, &[0, 1, 2, 3]);
        let failed: Vec<bool> = ends.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, true, false, false]);
        let failure = ends[1].as_ref().unwrap_err();
        assert!(failure.message.contains("signal: 9"), "{failure}");
        assert_eq!(heard, ["1: ouch"]);
    }

    /// A signal to one of the processes is no signal to all.
    #[test]
    fn a_process_that_was_stopped_is_given_nothing_more() {
        let line = serde_json::to_string(&Message::Ended {
            failure: Some(Failure::stopped("saved")),
        });
        let stopped = line.unwrap();
        let script = format!(
            "while read seed; do if [ $seed = 1 ]; then stop=1; fi; \
             if [ $stop ]; then echo '{stopped}'; else {ENDED}; fi; done"
        );
        let (ends, _) = farm(1, &script, &[0, 1, 2, 3]);
        let failed: Vec<bool> = ends.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, true, false, false]);
    }

    /// An environment may print what it likes.
    #[test]
    fn what_is_no_message_hides_none() {
        let script = format!("while read seed; do printf '\\377\\n.'; echo; {ENDED}; done");
        let (ends, heard) = farm(1, &script, &[5]);
        assert!(ends[0].is_ok(), "{ends:?}");
        assert_eq!(heard, ["0: \u{fffd}", "0: ."]);
    }

    #[test]
    fn a_failure_is_heard_as_it_is() {
        let failure = Failure::config("rl2.lanes = 0").within("seed 3");
        let line = serde_json::to_string(&Message::Ended {
            failure: Some(failure.clone()),
        });
        let script = format!("while read seed; do echo '{}'; done", line.unwrap());
        let (ends, _) = farm(1, &script, &[3]);
        assert_eq!(ends, [Err(failure)]);
    }

    #[test]
    fn all_are_asked_to_stop_and_none_is_begun_after() {
        let stop = Stop::default();
        let flag = stop.flag().clone();
        // Says so when its input ends, and only then.
        let failure = Failure::stopped("saved");
        let line = serde_json::to_string(&Message::Ended {
            failure: Some(failure.clone()),
        });
        let script = format!(
            "read seed; echo begun; cat >/dev/null; echo '{}'",
            line.unwrap()
        );
        let mut begun = 0;
        let ends = Farm {
            command: shell(&script),
            jobs: 2,
            stop: &stop,
            hear: |_, _| {
                begun += 1;
                flag.store(begun == 2, Ordering::SeqCst);
            },
        };
        let ends = ends.run(&["0", "1", "2"].map(str::to_owned));
        let saved: Result<(), Failure> = Err(failure);
        assert_eq!(ends[..2], [saved.clone(), saved]);
        assert!(ends[2].as_ref().unwrap_err().message.contains("before"));
    }
}
