"""Pure array tools: tiles, masks, colour and resampling. No files, no devices, no settings."""
