//! The Python modules that programs may import: `tunesmith`, and one that takes the place of
//! `wandb`. They are part of this binary and need nothing but Python 3.8. It refuses to install
//! them: they lie in a folder of the run.

use std::path::Path;

/// The folder of `tunesmith`.
pub(super) const PLAIN: &str = "plain";
/// The folder of `wandb`.
pub(super) const WANDB: &str = "wandb-shim";

/// The modules and their places.
const FILES: [(&str, &str, &str); 2] = [
    (PLAIN, "tunesmith.py", include_str!("../../python/tunesmith.py")),
    (WANDB, "wandb.py", include_str!("../../python/wandb.py")),
];

/// Writes the modules below `root`.
///
/// # Errors
/// What the system says.
pub fn write(root: &Path) -> std::io::Result<()> {
    for (folder, name, text) in FILES {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
            // Another agent may read it at this moment.
            let fresh = folder.join(format!("{name}.{}.new", std::process::id()));
            std::fs::write(&fresh, text)?;
            std::fs::rename(&fresh, &path)?;
        }
    }
    Ok(())
}
