//! Pictures on the page, where the program was built with the feature `pictures` and the terminal has a protocol for them. A page
//! shows a picture's caption in any case.

#[cfg(feature = "pictures")]
mod drawn;
#[cfg(not(feature = "pictures"))]
mod none;

#[cfg(feature = "pictures")]
pub use drawn::{Picture, Pictures};
#[cfg(not(feature = "pictures"))]
pub use none::{Picture, Pictures};
