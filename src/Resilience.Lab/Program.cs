using Resilience.Lab.Cli;

return await LabCommandLine.InvokeAsync(args).ConfigureAwait(false);
