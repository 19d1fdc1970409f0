@echo off
rem Runs the lab: dotnet builds src\Resilience.Lab only when a source changed.
setlocal
set "ROOT=%~dp0"
where dotnet >nul 2>nul || (echo lab: the .NET SDK is not on PATH. Install the .NET 10 SDK, then run this again. 1>&2 & exit /b 2)
dotnet build "%ROOT%src\Resilience.Lab" -c Release --nologo -v quiet 1>&2 || (echo lab: the build failed; the messages above say where. 1>&2 & exit /b 2)
dotnet "%ROOT%artifacts\bin\Resilience.Lab\release\Resilience.Lab.dll" %*
exit /b %ERRORLEVEL%
