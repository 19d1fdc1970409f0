using Resilience.Cost.Cli;

return CostProgram.Run(args, Console.Out, Console.Error);
