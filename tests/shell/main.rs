//! The lesson's shell, as the session uses it.

mod bash;
mod clock;
mod confined;
mod jobs;
mod runs;
mod world;
