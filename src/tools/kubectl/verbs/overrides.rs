//! `--overrides`: what `run` and `expose` make, changed by a patch from the command line before it is sent.

use serde_json::Value;

use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::session::Session;
use crate::tools::kubectl::strategic;

/// The options.
pub const OPTIONS: &[Flag] = &[Flag::text("override-type").or("merge"), Flag::text("overrides")];

/// The object with the patch that the options name, if they name one.
///
/// # Errors
/// When it is no patch, or does not fit.
pub fn overridden(session: &Session, mut object: Value) -> Result<Value, Failure> {
    let text = session.options.text("overrides");
    if text.is_empty() {
        return Ok(object);
    }
    let patch = || serde_json::from_str::<Value>(text).map_err(|_| Failure::message("Invalid JSON Patch"));
    match session.options.text("override-type") {
        "merge" => json_patch::merge(&mut object, &patch()?),
        "strategic" => object = strategic::merged(&object, &patch()?),
        "json" => {
            let patch = patch()?;
            if !patch.is_array() {
                let why = "json: cannot unmarshal object into Go value of type jsonpatch.Patch";
                return Err(Failure::message(why));
            }
            let patch: json_patch::Patch =
                serde_json::from_value(patch).map_err(|error| Failure::message(error.to_string()))?;
            json_patch::patch(&mut object, &patch).map_err(|error| Failure::message(error.to_string()))?;
        }
        other => return Err(Failure::message(format!("invalid override type: {other}"))),
    }
    Ok(object)
}
