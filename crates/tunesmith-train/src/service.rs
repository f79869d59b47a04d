//! A trainer behind two pipes: reads the host's lines, runs the loop, writes what happens.
//!
//! A reader thread hands lines over a bounded channel; the loop takes them between steps. When
//! standard input closes the host is gone, and so is the trainer. This file refuses to interpret
//! a trial's numbers.

use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use crate::protocol::{FromTrainer, ToTrainer};
use crate::trainer::{Exploit, Fatal, Start, Trainer};

/// Lines that may wait between the reader and the loop.
const WAITING_LINES: usize = 1024;

/// Serves one host until it says [`ToTrainer::Shutdown`] or closes `input`.
///
/// # Errors
/// When `output` cannot be written, which means that the host is gone.
pub fn serve(input: impl BufRead + Send + 'static, output: &mut impl Write) -> std::io::Result<()> {
    let (sender, receiver) = sync_channel(WAITING_LINES);
    thread::spawn(move || read(input, &sender));
    let mut failure = None;
    let mut tell = |message: FromTrainer| {
        if failure.is_none() {
            failure = write(output, &message).err();
        }
    };
    if let Err(fatal) = converse(&receiver, &mut tell) {
        tell(fatal.told());
    }
    failure.map_or(Ok(()), Err)
}

/// What the reader thread hands over.
enum Line {
    Message(ToTrainer),
    Broken(String),
}

fn read(input: impl BufRead, sender: &SyncSender<Line>) {
    for line in input.lines() {
        let parsed = match line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => serde_json::from_str(&line).map_or_else(
                |error| {
                    Line::Broken(format!(
                        "a line of the host is no message of protocol version {}: {error}",
                        crate::protocol::VERSION
                    ))
                },
                Line::Message,
            ),
            Err(error) => Line::Broken(format!("the host's lines cannot be read: {error}")),
        };
        if sender.send(parsed).is_err() {
            return;
        }
    }
}

fn write(output: &mut impl Write, message: &FromTrainer) -> std::io::Result<()> {
    serde_json::to_writer(&mut *output, message)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// Whether the conversation goes on.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

fn converse(receiver: &Receiver<Line>, tell: &mut dyn FnMut(FromTrainer)) -> Result<(), Fatal> {
    let mut trainer: Option<Trainer> = None;
    loop {
        let busy = trainer.as_ref().is_some_and(Trainer::has_work);
        // With nothing to train the loop sleeps until the host speaks.
        let mut line = if busy {
            receiver.try_recv()
        } else {
            receiver.recv().map_err(|_| TryRecvError::Disconnected)
        };
        while let Ok(message) = line {
            if take(message, &mut trainer, tell)? == Next::End {
                return Ok(());
            }
            line = receiver.try_recv();
        }
        if line.is_err_and(|error| error == TryRecvError::Disconnected) {
            return Ok(());
        }
        if let Some(trainer) = &mut trainer {
            trainer.step(tell);
        }
    }
}

fn take(
    line: Line,
    trainer: &mut Option<Trainer>,
    tell: &mut dyn FnMut(FromTrainer),
) -> Result<Next, Fatal> {
    let message = match line {
        Line::Message(message) => message,
        Line::Broken(reason) => return Err(Fatal::protocol(reason)),
    };
    if let ToTrainer::Open(open) = message {
        let (opened, ready) = Trainer::open(*open)?;
        *trainer = Some(opened);
        tell(ready);
        return Ok(Next::GoOn);
    }
    if message == ToTrainer::Shutdown {
        return Ok(Next::End);
    }
    let Some(trainer) = trainer else {
        return Err(Fatal::protocol("the first message must be `open`".to_owned()));
    };
    match message {
        ToTrainer::Start { trial, params, seed, directory, resume, past, resume_stretch } => {
            let start = Start { trial, params, seed, directory, resume, past, resume_stretch };
            trainer.start(start, tell)?;
        }
        ToTrainer::Exploit { trial, donor, params, directory } => {
            trainer.exploit(&Exploit { trial, donor, params, directory }, tell)?;
        }
        ToTrainer::Verdict { trial, keep, then } => trainer.verdict(trial, keep, then, tell)?,
        ToTrainer::Release { trial } => trainer.release(trial, tell),
        ToTrainer::Drop { trial } => trainer.drop_trial(trial, tell),
        ToTrainer::Evaluate { directory, split } => {
            tell(trainer.evaluate_directory(&directory, split)?);
        }
        ToTrainer::Open(_) | ToTrainer::Shutdown => {}
    }
    Ok(Next::GoOn)
}
