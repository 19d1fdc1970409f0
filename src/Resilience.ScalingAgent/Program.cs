await Console.Error.WriteLineAsync("scaling-agent: not assembled yet.");
return 2;
