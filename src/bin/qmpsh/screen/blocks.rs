//! A picture of half blocks in 24-bit color.

use std::fmt::Write as _;

use super::picture::Picture;

/// Draws a picture in at most so many columns and rows. A half block is taken to be as wide as it is high.
pub(crate) fn draw(picture: &Picture, columns: usize, rows: usize) -> String {
    let (width, height) = fit((picture.width, picture.height), (columns, rows * 2));
    let scaled = picture.scaled(width, height);
    let mut out = String::new();
    let color = |x: usize, y: usize| {
        let at = (y * width + x) * 3;
        scaled.pixels.get(at..at + 3).map(|rgb| format!("2;{};{};{}", rgb[0], rgb[1], rgb[2]))
    };
    for y in (0..height).step_by(2) {
        let mut now = String::new();
        for x in 0..width {
            let colors = match (color(x, y), color(x, y + 1)) {
                (Some(top), Some(bottom)) => format!("\x1b[38;{top};48;{bottom}m"),
                (top, _) => format!("\x1b[0;38;{}m", top.unwrap_or_default()),
            };
            if colors != now {
                out.push_str(&colors);
                now = colors;
            }
            out.push('▀');
        }
        // Writing to memory cannot fail.
        let _ = writeln!(out, "\x1b[0m");
    }
    out
}

/// Returns the largest size of the same proportions that is not larger than `room`, nor than the picture.
pub(crate) fn fit((width, height): (usize, usize), room: (usize, usize)) -> (usize, usize) {
    let (columns, rows) = (room.0.clamp(1, width), room.1.clamp(1, height));
    if width * rows <= height * columns {
        ((width * rows / height).max(1), rows)
    } else {
        (columns, (height * columns / width).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_and_keeps_its_proportions() {
        for (size, room, expected) in [
            ((640, 480), (80, 48), (64, 48)),
            ((640, 480), (40, 48), (40, 30)),
            ((720, 400), (80, 100), (80, 44)),
            ((10, 10), (80, 48), (10, 10)),
            ((1000, 1), (80, 48), (80, 1)),
            ((640, 480), (0, 0), (1, 1)),
        ] {
            assert_eq!(fit(size, room), expected, "{size:?} in {room:?}");
        }
    }

    #[test]
    fn each_cell_has_two_pixels() {
        let picture = Picture { width: 1, height: 3, pixels: vec![1, 2, 3, 4, 5, 6, 7, 8, 9] };
        assert_eq!(draw(&picture, 80, 24), "\x1b[38;2;1;2;3;48;2;4;5;6m▀\x1b[0m\n\x1b[0;38;2;7;8;9m▀\x1b[0m\n");
    }
}
