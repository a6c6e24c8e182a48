//! The streams that a shell's commands read and write: all of them end once the scope's token has fired, and say when
//! they only wait.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use brush_core::ErrorKind;
use brush_core::openfiles::{OpenFile, Stream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::context::{Context, Scope, last_command_name, set_last_command};
use crate::tools::StdStream;

/// The most that a pipe takes at once without blocking when it is ready for writing.
const PIPE_PIECE: usize = 4096;

/// How far a command may write ahead of its reader.
const PIPE_SIZE: usize = 1 << 20;

/// Thrown by the trace through a script that has no command in which it could be stopped.
pub(super) struct Stopped;

fn cancelled() -> io::Error {
    io::Error::other("cancelled")
}

fn not_a_descriptor() -> brush_core::Error {
    ErrorKind::CannotConvertToNativeFd.into()
}

/// One end of something that a command reads or writes.
#[derive(Clone)]
pub(super) struct Channel {
    kind: Kind,
    context: Arc<Context>,
    scope: Arc<Scope>,
}

#[derive(Clone)]
enum Kind {
    /// A pipe, a terminal, or something else that may block.
    Pipe(Arc<OwnedFd>),
    File(Arc<OwnedFd>),
    /// The run's own output.
    Run(StdStream),
    Closed,
}

impl Channel {
    /// The end that `file` is; nothing for a closed one.
    pub(super) fn new(file: Option<OpenFile>, context: &Arc<Context>, scope: &Arc<Scope>) -> Self {
        let kind = match file {
            None => Kind::Closed,
            Some(OpenFile::File(file)) => match file.metadata() {
                Ok(metadata) if metadata.is_file() => Kind::File(Arc::new(file.into())),
                _ => Kind::Pipe(Arc::new(file.into())),
            },
            Some(OpenFile::PipeReader(reader)) => Kind::Pipe(Arc::new(reader.into())),
            Some(OpenFile::PipeWriter(writer)) => {
                // Without more room a command that runs ahead of its reader only blocks sooner.
                let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE_SIZE);
                Kind::Pipe(Arc::new(writer.into()))
            }
            Some(OpenFile::Stream(mut stream)) => match run_stream(&mut *stream) {
                Some(which) => Kind::Run(which),
                None => Kind::Closed,
            },
            // The process's own streams are never a script's.
            Some(OpenFile::Stdin(_) | OpenFile::Stdout(_) | OpenFile::Stderr(_)) => Kind::Closed,
        };
        Self { kind, context: Arc::clone(context), scope: Arc::clone(scope) }
    }

    /// This end as brush holds it.
    pub(super) fn into_open_file(self) -> OpenFile {
        OpenFile::Stream(Box::new(self))
    }

    /// The descriptor behind it, for a program; none where there is none that a program could read.
    pub(super) fn descriptor(&self) -> Option<OwnedFd> {
        match &self.kind {
            Kind::Pipe(fd) | Kind::File(fd) => fd.try_clone().ok(),
            Kind::Run(_) | Kind::Closed => None,
        }
    }

    /// Waits until the descriptor is ready. Fails once the token has fired.
    fn ready(&self, fd: &Arc<OwnedFd>, wanted: PollFlags) -> io::Result<()> {
        if self.scope.token.is_cancelled() {
            return Err(cancelled());
        }
        if is_ready(fd, wanted) {
            return Ok(());
        }
        let _check = self.context.clock.idle_check({
            let fd = Arc::clone(fd);
            move || !is_ready(&fd, wanted)
        });
        let _waiting = self.context.activity.waiting();
        loop {
            let mut fds = [PollFd::new(fd, wanted), PollFd::new(&self.scope.alarm, PollFlags::IN)];
            match poll(&mut fds, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if !fds[1].revents().is_empty() || self.scope.token.is_cancelled() {
                return Err(cancelled());
            }
            if !fds[0].revents().is_empty() {
                return Ok(());
            }
        }
    }

    fn blocking_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.kind {
            Kind::Run(stream) => {
                self.scope.run.print(*stream, bytes, &self.scope.token);
                Ok(bytes.len())
            }
            Kind::File(fd) => {
                if self.scope.token.is_cancelled() {
                    return Err(cancelled());
                }
                let before = self.scope.run.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                if before + bytes.len() as u64 > self.context.limits.files {
                    return Err(io::Error::new(io::ErrorKind::StorageFull, "No space left on device"));
                }
                Ok(rustix::io::write(fd, bytes)?)
            }
            Kind::Pipe(fd) => {
                self.ready(fd, PollFlags::OUT)?;
                Ok(rustix::io::write(fd, &bytes[..bytes.len().min(PIPE_PIECE)])?)
            }
            Kind::Closed => Err(io::Error::from(rustix::io::Errno::BADF)),
        }
    }
}

fn is_ready(fd: &OwnedFd, wanted: PollFlags) -> bool {
    let mut fds = [PollFd::new(fd, wanted)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.kind {
            Kind::Pipe(fd) => {
                tokio::task::block_in_place(|| self.ready(fd, PollFlags::IN))?;
                Ok(rustix::io::read(fd, buffer)?)
            }
            Kind::File(fd) => {
                if self.scope.token.is_cancelled() {
                    return Err(cancelled());
                }
                Ok(rustix::io::read(fd, buffer)?)
            }
            Kind::Run(_) | Kind::Closed => Err(io::Error::from(rustix::io::Errno::BADF)),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        tokio::task::block_in_place(|| self.blocking_write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Channel {
    fn clone_box(&self) -> Box<dyn Stream> {
        Box::new(self.clone())
    }

    fn try_clone_to_owned(&self) -> Result<OwnedFd, brush_core::Error> {
        Err(not_a_descriptor())
    }

    fn try_borrow_as_fd(&self) -> Result<BorrowedFd<'_>, brush_core::Error> {
        match &self.kind {
            Kind::Pipe(fd) | Kind::File(fd) => Ok(fd.as_fd()),
            Kind::Run(_) | Kind::Closed => Err(not_a_descriptor()),
        }
    }
}

/// The run's standard output or error, as a script's descriptor 1 or 2.
#[derive(Clone)]
pub(super) struct RunStream {
    pub scope: Arc<Scope>,
    pub stream: StdStream,
    /// The start of a line that brush reports an error with, until its end.
    pub report: Option<String>,
}

/// What a [`RunStream`] answers when it is read, so that a boxed one is known again.
const RUN_STREAM: [[u8; 8]; 2] = [*b"\0lec-out", *b"\0lec-err"];

pub(super) fn run_stream(stream: &mut dyn Stream) -> Option<StdStream> {
    let mut mark = [0; 8];
    let len = stream.read(&mut mark).ok()?;
    match mark {
        _ if len != 8 => None,
        mark if mark == RUN_STREAM[0] => Some(StdStream::Stdout),
        mark if mark == RUN_STREAM[1] => Some(StdStream::Stderr),
        _ => None,
    }
}

impl Read for RunStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mark = match self.stream {
            StdStream::Stdout => RUN_STREAM[0],
            StdStream::Stderr => RUN_STREAM[1],
        };
        match buffer.get_mut(..mark.len()) {
            Some(place) => {
                place.copy_from_slice(&mark);
                Ok(mark.len())
            }
            None => Err(io::Error::from(rustix::io::Errno::BADF)),
        }
    }
}

impl Write for RunStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // brush reports a redirect that failed in its own words, in pieces; bash's are put in their place.
        if self.stream == StdStream::Stderr && self.report.is_none() && bytes == b"error: " {
            self.report = Some(String::new());
            return Ok(bytes.len());
        }
        if let Some(report) = &mut self.report {
            report.push_str(&String::from_utf8_lossy(bytes));
            if report.ends_with('\n') {
                let line = super::errors::redirect_report(report.trim_end());
                self.report = None;
                self.scope.run.print(self.stream, line.as_bytes(), &self.scope.token);
            }
            return Ok(bytes.len());
        }
        self.scope.run.print(self.stream, bytes, &self.scope.token);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for RunStream {
    fn clone_box(&self) -> Box<dyn Stream> {
        Box::new(self.clone())
    }

    fn try_clone_to_owned(&self) -> Result<OwnedFd, brush_core::Error> {
        Err(not_a_descriptor())
    }

    fn try_borrow_as_fd(&self) -> Result<BorrowedFd<'_>, brush_core::Error> {
        Err(not_a_descriptor())
    }
}

/// Names the scope to the builtins: reading gives its number.
#[derive(Clone)]
pub(super) struct ScopeMark(pub Arc<Scope>);

/// The scope that a descriptor names.
pub(super) fn scope_of(context: &Context, file: Option<OpenFile>) -> Option<Arc<Scope>> {
    let mut id = [0; 8];
    file?.read_exact(&mut id).ok()?;
    context.scope(u64::from_le_bytes(id))
}

impl Read for ScopeMark {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let id = self.0.id.to_le_bytes();
        match buffer.get_mut(..id.len()) {
            Some(place) => {
                place.copy_from_slice(&id);
                Ok(id.len())
            }
            None => Err(io::Error::from(rustix::io::Errno::INVAL)),
        }
    }
}

impl Write for ScopeMark {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(rustix::io::Errno::BADF))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for ScopeMark {
    fn clone_box(&self) -> Box<dyn Stream> {
        Box::new(self.clone())
    }

    fn try_clone_to_owned(&self) -> Result<OwnedFd, brush_core::Error> {
        Err(no_program())
    }

    fn try_borrow_as_fd(&self) -> Result<BorrowedFd<'_>, brush_core::Error> {
        Err(not_a_descriptor())
    }
}

/// Stands at a descriptor that goes along to every program: none can be started, since it cannot be handed over.
#[derive(Clone)]
pub(super) struct NoPrograms;

/// What a script is told that starts a program.
fn no_program() -> brush_core::Error {
    ErrorKind::CommandNotFound(last_command_name()).into()
}

impl Read for NoPrograms {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::from(rustix::io::Errno::BADF))
    }
}

impl Write for NoPrograms {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(rustix::io::Errno::BADF))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for NoPrograms {
    fn clone_box(&self) -> Box<dyn Stream> {
        Box::new(self.clone())
    }

    fn try_clone_to_owned(&self) -> Result<OwnedFd, brush_core::Error> {
        Err(no_program())
    }

    fn try_borrow_as_fd(&self) -> Result<BorrowedFd<'_>, brush_core::Error> {
        Err(not_a_descriptor())
    }
}

/// Where brush traces each command before it runs it. It prints only while `set -x` is on; it is there to stop loops in
/// which no command is: once the token has fired, tracing unwinds.
pub(super) struct Trace {
    pub scope: Arc<Scope>,
    /// Bytes that one variable may hold.
    pub limit: u64,
    pub text: String,
}

impl Read for Trace {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::from(rustix::io::Errno::BADF))
    }
}

impl Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.limit {
            let message = b"bash: a variable holds more than a lesson may use\n";
            self.scope.run.print(StdStream::Stderr, message, &self.scope.token);
            self.scope.token.cancel();
        }
        if self.scope.token.is_cancelled() {
            // Not a panic: no message is printed. The run catches it.
            std::panic::resume_unwind(Box::new(Stopped));
        }
        let text = String::from_utf8_lossy(bytes);
        self.text.push_str(text.strip_suffix('\n').unwrap_or(&text));
        set_last_command(&self.text);
        if bytes.ends_with(b"\n") {
            let own = self.text.starts_with(super::rewrite::STAGE);
            if self.scope.run.xtrace.load(Ordering::Relaxed) && !own {
                let line = format!("+ {}\n", self.text);
                self.scope.run.print(StdStream::Stderr, line.as_bytes(), &self.scope.token);
            }
            self.text.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Trace {
    fn clone_box(&self) -> Box<dyn Stream> {
        Box::new(Self { scope: Arc::clone(&self.scope), limit: self.limit, text: String::new() })
    }

    fn try_clone_to_owned(&self) -> Result<OwnedFd, brush_core::Error> {
        Err(no_program())
    }

    fn try_borrow_as_fd(&self) -> Result<BorrowedFd<'_>, brush_core::Error> {
        Err(not_a_descriptor())
    }
}
